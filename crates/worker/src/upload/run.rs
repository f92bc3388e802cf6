//! The upload step: which files, then one after the other.

use std::path::Path;

use steading_wire::worker::{Attempt, Ending};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use super::open::{Opened, open};
use super::select::select;
use super::send::send;
use crate::attempts::Tools;
use crate::capture::Logs;
use crate::process::failed;

/// Whose artifacts these are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The attempt.
    pub(crate) attempt: Attempt,
    /// The step's number in the plan.
    pub(crate) step: i64,
}

/// Sends what the globs mean; what is there is sent even when something else is missing.
pub(crate) async fn run(
    tools: &Tools,
    target: Target,
    globs: &[String],
    place: &Path,
    logs: &mut Logs,
    cancel: &CancellationToken,
) -> Ending {
    let selection = match block_in_place(|| select(place, globs)) {
        Ok(selection) => selection,
        Err(error) => return failed("upload_failed", "the workspace could not be read", &error),
    };
    let mut problems = selection.problems;
    for path in &selection.files {
        let sent = match open(place, path) {
            Ok(Opened::File(file, size)) => send(tools, target, path, file, size, cancel).await,
            Ok(Opened::Dir) => continue,
            Err(refused) => {
                problems.push(refused.to_string());
                continue;
            }
        };
        let hash = match sent {
            Ok(hash) => hash,
            Err(ending) => return ending,
        };
        let line = format!("{path}: sent, blake3 {hash}\n");
        if let Err(error) = block_in_place(|| logs.stdout.write(line.as_bytes())) {
            return failed("spool_failed", "the step's log could not be kept", &error);
        }
    }
    if problems.is_empty() {
        return Ending::Exited { code: 0 };
    }
    let text = problems.join("; ");
    if let Err(error) = block_in_place(|| logs.stderr.write(format!("{text}\n").as_bytes())) {
        return failed("spool_failed", "the step's log could not be kept", &error);
    }
    Ending::NoSuchFile { text }
}
