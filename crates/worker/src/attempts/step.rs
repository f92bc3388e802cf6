//! Carries one step out and reports how it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use steading_wire::worker::{Attempt, BuildId, Ending, ExitRecord, LogKey, Primitive, Report};
use tokio_util::sync::CancellationToken;

use crate::bulk::Spool;
use crate::capture::{LogWriter, Sink};
use crate::process::{self, Command, Finished, Launcher, failed, infrastructure, is_reserved};
use crate::session::Dialer;
use crate::{checkout, upload, workspace};

/// How much of a sentence about the ending is reported.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// How many processes that were left behind are named.
const LEFTOVERS_MAX: usize = 100;

/// What every step needs.
#[derive(Debug)]
pub(crate) struct Tools {
    /// Starts processes.
    pub(crate) launcher: Launcher,
    /// Takes logs.
    pub(crate) spool: Arc<Spool>,
    /// Knows the master, for artifacts.
    pub(crate) dialer: Dialer,
    /// Sends artifacts.
    pub(crate) http: reqwest::Client,
    /// Where workspaces are.
    pub(crate) work: PathBuf,
    /// Where mirrors are.
    pub(crate) mirrors: PathBuf,
    /// How much of a log is kept.
    pub(crate) log_bytes_max: u64,
}

/// One step to carry out.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// Whose.
    pub(crate) attempt: Attempt,
    /// The build, for people.
    pub(crate) build: BuildId,
    /// Its number in the plan.
    pub(crate) number: i64,
    /// What to do.
    pub(crate) primitive: Primitive,
    /// The workspace's name.
    pub(crate) workspace: String,
}

/// The two logs of a step.
pub(crate) struct Logs {
    /// What it printed, or what the worker did.
    pub(crate) stdout: LogWriter,
    /// What went wrong.
    pub(crate) stderr: LogWriter,
}

impl Logs {
    fn new(tools: &Tools, attempt: Attempt, step: i64) -> Logs {
        let log = |name: &str| {
            let key = LogKey { attempt, step, name: name.to_owned() };
            LogWriter::new(&tools.spool, key, tools.log_bytes_max)
        };
        Logs { stdout: log("stdout"), stderr: log("stderr") }
    }
}

/// Carries a step out to its end, whatever that is.
pub(crate) async fn carry_out(
    tools: &Tools,
    assignment: Assignment,
    cancel: &CancellationToken,
) -> Report {
    let Assignment { attempt, build, number, primitive, workspace } = assignment;
    tracing::debug!(%attempt, %build, number, "a step begins");
    let mut logs = Logs::new(tools, attempt, number);
    let finished = match workspace::create(&tools.work, &workspace) {
        Ok(place) => perform(tools, attempt, number, primitive, place, &mut logs, cancel).await,
        Err(error) => not_ours(failed("workspace_failed", "no workspace could be made", &error)),
    };
    report(finished, logs)
}

async fn perform(
    tools: &Tools,
    attempt: Attempt,
    number: i64,
    primitive: Primitive,
    place: PathBuf,
    logs: &mut Logs,
    cancel: &CancellationToken,
) -> Finished {
    match primitive {
        Primitive::Process { argv, env, workdir, timeout_ms, idle_timeout_ms } => {
            let env = env.into_iter().filter(|(name, _)| !is_reserved(name)).collect();
            let shown_cwd = workdir.unwrap_or_default();
            let cwd = match workspace::below(&shown_cwd) {
                Ok(below) => place.join(below),
                Err(error) => return not_ours(Ending::NotStarted { text: error.to_string() }),
            };
            if let Err(error) = fs_err::create_dir_all(&cwd) {
                return not_ours(failed("workspace_failed", "no directory could be made", &error));
            }
            let (wall, idle) = (span(timeout_ms), span(idle_timeout_ms));
            let command = Command { argv, env, cwd, shown_cwd, wall, idle };
            let (out, err) = (Sink::Log(&mut logs.stdout), Sink::Log(&mut logs.stderr));
            process::run(&tools.launcher, command, out, err, cancel).await
        }
        Primitive::Checkout { url, branch, revision, submodules } => {
            let source = checkout::Source { url, branch, revision, submodules };
            checkout::run(tools, &source, &place, logs, cancel).await
        }
        Primitive::Upload { paths } => {
            let target = upload::Target { attempt, step: number };
            not_ours(upload::run(tools, target, &paths, &place, logs, cancel).await)
        }
    }
}

fn span(ms: Option<i64>) -> Option<Duration> {
    ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

/// An ending without a process of the build.
fn not_ours(ending: Ending) -> Finished {
    Finished { ending, exit: None }
}

fn report(finished: Finished, logs: Logs) -> Report {
    let Finished { mut ending, mut exit } = finished;
    let mut names = Vec::new();
    let mut stderr_tail = String::new();
    for (name, log) in [("stdout", logs.stdout), ("stderr", logs.stderr)] {
        match tokio::task::block_in_place(|| log.finish()) {
            Ok(written) => {
                names.extend(written.any.then(|| name.to_owned()));
                if name == "stderr" {
                    stderr_tail = written.tail;
                }
            }
            Err(error) => {
                ending = failed("spool_failed", "the step's log could not be kept", &error);
            }
        }
    }
    bound(&mut ending, exit.as_mut());
    Report { ending, exit, logs: names, stderr_tail }
}

/// A report is one message of the control link: what a build can make long is cut. One that no
/// message could carry would break the link each time it is said again.
fn bound(ending: &mut Ending, exit: Option<&mut ExitRecord>) {
    if let Ending::NotStarted { text }
    | Ending::NoSuchRevision { text }
    | Ending::NoSuchFile { text }
    | Ending::Infrastructure { text, .. } = ending
        && text.len() > TEXT_BYTES_MAX
    {
        let left_out = text.len() - TEXT_BYTES_MAX;
        let end = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push_str(&format!(" … ({left_out} more bytes)"));
    }
    if let Some(exit) = exit
        && exit.leftovers.len() > LEFTOVERS_MAX
    {
        let left_out = exit.leftovers.len() - LEFTOVERS_MAX;
        exit.leftovers.truncate(LEFTOVERS_MAX);
        exit.leftovers.push(format!("… and {left_out} more"));
    }
}

/// The report of a step whose task broke: a fault of the worker, which lives on.
pub(crate) fn broken(why: &str) -> Report {
    Report {
        ending: infrastructure("worker_fault", format!("the worker failed at this step: {why}")),
        exit: None::<ExitRecord>,
        logs: Vec::new(),
        stderr_tail: String::new(),
    }
}
