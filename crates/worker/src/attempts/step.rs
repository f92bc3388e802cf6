//! Carries out what the daemon does itself (checkouts, uploads), and says what shepherds are told.

use std::path::PathBuf;
use std::sync::Arc;

use steading_wire::worker::{Attempt, Ending, Primitive, Report};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use crate::capture::Logs;
use crate::process::{Finished, Launcher, failed, infrastructure, is_reserved};
use crate::room::Keeper;
use crate::session::Dialer;
use crate::shepherd::{LADDER_MAX, StepJob};
use crate::slots::wait_free;
use crate::spool::{Begin, Spool};
use crate::{checkout, upload, workspace};

/// What the log says of a step that a daemon begins again.
const AGAIN: &str = "[steading] the worker was restarted: this step begins again\n";

/// What every step needs.
#[derive(Debug)]
pub(crate) struct Tools {
    /// Starts processes.
    pub(crate) launcher: Arc<Launcher>,
    /// Takes logs.
    pub(crate) spool: Arc<Spool>,
    /// Knows the master, for artifacts.
    pub(crate) dialer: Dialer,
    /// Sends artifacts.
    pub(crate) http: reqwest::Client,
    /// Which directory it all is in, among all there ever were.
    pub(crate) instance: String,
    /// Where workspaces are.
    pub(crate) work: PathBuf,
    /// Keeps workspaces and mirrors within their limits.
    pub(crate) keeper: Arc<Keeper>,
    /// Where mirrors are.
    pub(crate) mirrors: PathBuf,
    /// How much of a log is kept.
    pub(crate) log_bytes_max: u64,
}

/// One step the daemon carries out itself.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// Whose step, and what to do.
    pub(crate) begin: Begin,
    /// The workspace's name.
    pub(crate) workspace: String,
}

/// Carries a step out to its end, whatever that is. One that an earlier daemon began begins again.
pub(crate) async fn carry_out(
    tools: &Tools,
    assignment: Assignment,
    cancel: &CancellationToken,
) -> Report {
    let Assignment { begin, workspace } = assignment;
    let (attempt, number) = (begin.attempt, begin.number());
    let Some(step) = begin.step.clone() else {
        return unlogged(broken("there is nothing to do"));
    };
    tracing::debug!(%attempt, build = %step.build, number, "a step begins");
    let again = tools.spool.path(attempt, number).exists();
    let logs = block_in_place(|| Logs::open(&tools.spool, begin, tools.log_bytes_max));
    let mut logs = match logs {
        Ok(logs) => logs,
        Err(error) => return unlogged(failed("spool_failed", "no log could be begun", &error)),
    };
    if again {
        // What the earlier daemon ran for this step ends with it, and needs a moment for that.
        wait_free(tools.launcher.errands(), LADDER_MAX).await;
        let _ = block_in_place(|| logs.stdout.write(AGAIN.as_bytes()));
    }
    let finished = match workspace::create(&tools.work, &workspace) {
        Ok(place) => {
            perform(tools, attempt, number, step.primitive, place, &mut logs, cancel).await
        }
        Err(error) => not_ours(failed("workspace_failed", "no workspace could be made", &error)),
    };
    block_in_place(|| logs.finish(finished))
}

/// A process step as its shepherd is told, or why it cannot be.
pub(crate) fn job(tools: &Tools, begin: &Begin, workspace: &str) -> Result<StepJob, Ending> {
    use Primitive::Process;
    let Some(Process { argv, env, workdir, timeout_ms, idle_timeout_ms, log_bytes_max }) =
        begin.step.as_ref().map(|step| &step.primitive)
    else {
        return Err(infrastructure("worker_fault", "this is no process".to_owned()));
    };
    let unmade = |error| failed("workspace_failed", "no workspace could be made", &error);
    let place = workspace::create(&tools.work, workspace).map_err(unmade)?;
    let shown_cwd = workdir.clone().unwrap_or_default();
    let below = workspace::below(&shown_cwd);
    let below = below.map_err(|error| Ending::NotStarted { text: error.to_string() })?;
    let cwd = place.join(&below);
    if !below.as_os_str().is_empty() {
        fs_err::create_dir_all(&cwd).map_err(unmade)?;
    }
    let own = |(name, _): &(&String, &String)| !is_reserved(name);
    let env = env.iter().filter(own).map(|(n, v)| (n.clone(), v.clone())).collect();
    let span = |ms: &Option<i64>| ms.map(|ms| u64::try_from(ms).unwrap_or(0));
    Ok(StepJob {
        begin: begin.clone(),
        file: tools.spool.path(begin.attempt, begin.number()),
        argv: argv.clone(),
        env,
        cwd,
        shown_cwd,
        timeout_ms: span(timeout_ms),
        idle_timeout_ms: span(idle_timeout_ms),
        log_bytes_max: log_bytes_max
            .and_then(|max| u64::try_from(max).ok())
            .map_or(tools.log_bytes_max, |max| max.min(tools.log_bytes_max)),
    })
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
        Primitive::Process { .. } => {
            not_ours(infrastructure("worker_fault", "a process is its shepherd's".to_owned()))
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

/// An ending without a process of the build.
fn not_ours(ending: Ending) -> Finished {
    Finished { ending, exit: None }
}

/// The ending of a step whose task broke: a fault of the worker, which lives on.
pub(crate) fn broken(why: &str) -> Ending {
    infrastructure("worker_fault", format!("the worker failed at this step: {why}"))
}

/// A report without logs.
fn unlogged(ending: Ending) -> Report {
    Report { ending, exit: None, logs: Vec::new(), stderr_tail: String::new() }
}
