//! What a build declares it will do, worked out from its steps: outcomes, logs, files.

use std::collections::BTreeMap;

use super::kinds::{End, Fate, Says, Step, steps};
use super::stream::stream;

/// Everything that can be seen of a build.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) outcome: String,
    /// Names and outcomes, in order.
    pub(super) steps: Vec<(String, String)>,
    /// Size and hash of what was printed, by step and log; what printed nothing has none.
    pub(super) logs: BTreeMap<(String, String), (usize, String)>,
    /// Size and hash of what was uploaded, by path.
    pub(super) files: BTreeMap<String, (usize, String)>,
}

/// Size and BLAKE3.
pub(super) fn digest(bytes: &[u8]) -> (usize, String) {
    (bytes.len(), blake3::hash(bytes).to_hex().to_string())
}

/// What a build of this kind, fate and seed declares.
pub(super) fn declare(kind: &str, fate: Fate, seed: u64) -> Declared {
    let outcome = match fate {
        Fate::Success => "success",
        Fate::Warnings => "warnings",
        Fate::Failure | Fate::Missing => "failure",
        Fate::Skipped => "skipped",
        Fate::Exception => "exception",
        Fate::Cancelled => "cancelled",
    };
    let (steps_done, logs, files) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut all = Declared { outcome: outcome.to_owned(), steps: steps_done, logs, files };
    let mut is_over = false;
    for step in steps(kind, fate) {
        let outcome = match step.end {
            End::Unwanted => "skipped",
            _ if is_over && !step.always => "skipped",
            End::Well => "success",
            End::Forgiven => "failure",
            End::Badly(outcome) => {
                is_over = true;
                outcome
            }
        };
        all.steps.push((step.name.clone(), outcome.to_owned()));
        if outcome != "skipped" {
            all.does(&step, seed);
        }
    }
    all
}

impl Declared {
    fn does(&mut self, step: &Step, seed: u64) {
        let (out, err) = match step.says {
            Says::Nothing => (Vec::new(), Vec::new()),
            Says::Name => (format!("{} {seed}\n", step.name).into_bytes(), Vec::new()),
            Says::Streams(out, err) => (stream(seed, out), stream(seed, err)),
        };
        for (log, bytes) in [("stdout", out), ("stderr", err)] {
            if !bytes.is_empty() {
                self.logs.insert((step.name.clone(), log.to_owned()), digest(&bytes));
            }
        }
        for (path, lines) in &step.files {
            self.files.insert((*path).to_owned(), digest(&stream(seed, *lines)));
        }
    }
}
