//! Resets: workers brought back to a clean state between builds, many at once, in bounded time.
//!
//! The command is the operator's and runs on the master: it rolls a virtual machine back, or wipes
//! a container. A worker is dirty from the section that claims something for it, and gets nothing
//! until a reset succeeded; where one began and nobody knows how it ended, it is done again.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use steading_core::farm::Reset;
use steading_store::Error;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::spawn::spawn;

/// Resets that run at once.
const AT_ONCE: usize = 16;
/// Tries before the worker is taken out.
const TRIES: u32 = 3;
/// The rest before a second try; it doubles from there.
const REST_FIRST: Duration = Duration::from_secs(1);
/// How long a command that was told to end may take before it is killed.
const TERM_WAIT: Duration = Duration::from_secs(5);
/// How long the end of standard error is waited for: others may hold the pipe.
const STDERR_WAIT: Duration = Duration::from_secs(1);
/// The rest before something that could not be written down is tried again.
const RECORD_AGAIN: Duration = Duration::from_secs(2);
/// Bytes of the end of standard error that are kept.
const STDERR_BYTES: usize = 2048;
/// The timer behind the notification, and the least time between two looks.
const SAFETY: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks whenever history moved.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut seq = context.store.seq();
    let free = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        seq.mark_unchanged();
        if let Err(error) = pass(&context, &free, &shutdown).await {
            tracing::error!("cannot look after resets: {error}");
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            changed = seq.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(SAFETY) => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn pass(
    context: &Context,
    free: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let present = context.farms.present();
    for worker in context.store.read(|r| r.workers_to_reset()).await? {
        let reset = present.farm.worker(&worker.name).and_then(|spec| spec.reset.clone());
        // One that is no longer declared, or no longer reset, stays as it is until it is.
        let Some(reset) = reset else { continue };
        // All are taken: whichever ends says so in an event.
        let Ok(permit) = free.clone().try_acquire_owned() else { return Ok(()) };
        let name = worker.name.clone();
        let begun = context.store.write("reset.begin", move |w| match w.begin_reset(&name) {
            Err(Error::Stale(_) | Error::Illegal(_)) => Ok(false),
            other => other.map(|()| true),
        });
        if begun.await? {
            let (context, shutdown) = (context.clone(), shutdown.clone());
            spawn("reset", async move {
                tokio::select! {
                    biased;
                    // The command is killed; the next master begins again.
                    () = shutdown.cancelled() => {}
                    () = bring_back(&context, &worker.name, &reset) => {}
                }
                drop(permit);
            });
        }
    }
    Ok(())
}

/// Tries until the worker is clean, or has failed to become so too often.
async fn bring_back(context: &Context, worker: &str, reset: &Reset) {
    let mut rest = REST_FIRST;
    for left in (0..TRIES).rev() {
        let Err(why) = once(context, worker, reset).await else { break };
        tracing::warn!(worker, "its reset failed: {why}");
        recorded(worker, || failed(context, worker, why.clone(), left > 0)).await;
        if left == 0 {
            return;
        }
        tokio::time::sleep(rest).await;
        rest *= 2;
    }
    recorded(worker, || ended(context, worker)).await;
    // Whatever session it had was with the machine as it was.
    context.sessions.end(worker);
}

/// Writes something down, again and again while that fails for a reason that passes, as a full disk
/// does: nobody else ends a reset.
async fn recorded<F: Future<Output = Result<(), Error>>>(worker: &str, write: impl Fn() -> F) {
    while let Err(error) = write().await {
        tracing::error!(worker, "its reset cannot be recorded: {error}");
        if matches!(error, Error::Closed | Error::Illegal(_) | Error::NotFound { .. }) {
            return;
        }
        tokio::time::sleep(RECORD_AGAIN).await;
    }
}

async fn ended(context: &Context, worker: &str) -> Result<(), Error> {
    let name = worker.to_owned();
    context.store.write("reset.end", move |w| w.end_reset(&name)).await
}

/// Writes a failure down. After the last one the worker is quarantined, and reset again after that.
async fn failed(context: &Context, worker: &str, why: String, again: bool) -> Result<(), Error> {
    let name = worker.to_owned();
    let section = context.store.write("reset.fail", move |w| {
        if again {
            return w.retry_reset(&name, &why);
        }
        w.give_up_reset(&name, &format!("{TRIES} resets failed: {why}"))
    });
    section.await
}

/// Runs the command once. Its environment names the worker.
async fn once(context: &Context, worker: &str, reset: &Reset) -> Result<(), String> {
    if let Some(played) = context.programs.play(&reset.command).await {
        return played.map(drop);
    }
    let (program, arguments) = reset.command.split_first().ok_or("there is no command")?;
    #[expect(clippy::disallowed_methods, reason = "the operator's own command, on the master")]
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(context.farms.directory())
        .env("STEADING_WORKER", worker)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let mut group = Group::of(&child);
    // Read while it runs: a command whose pipe is full stands still.
    let mut said = tokio::task::JoinSet::new();
    said.spawn(end_of(child.stderr.take()));
    match tokio::time::timeout(reset.timeout.into(), child.wait()).await {
        Ok(Ok(status)) if status.success() => {
            // What a reset that succeeded leaves running is the machine it started.
            group.0 = None;
            Ok(())
        }
        Ok(Ok(status)) => {
            let said = tokio::time::timeout(STDERR_WAIT, said.join_next()).await;
            let said = said.ok().flatten().and_then(Result::ok).unwrap_or_default();
            Err(format!("{program} ended with {status}{said}"))
        }
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => {
            end(&mut child, &group).await;
            Err(format!("{program} had not ended after {}", reset.timeout))
        }
    }
}

/// TERM, and after a while KILL, for all it started.
async fn end(child: &mut Child, group: &Group) {
    group.signal(Signal::TERM);
    let _ = tokio::time::timeout(TERM_WAIT, child.wait()).await;
    group.signal(Signal::KILL);
    let _ = child.wait().await;
}

/// The processes of a command: killed unless it ended in order.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // Nobody left to hear it is as good.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The end of what it wrote, to follow how it ended.
async fn end_of(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0; STDERR_BYTES]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        kept.drain(..kept.len().saturating_sub(STDERR_BYTES));
    }
    match String::from_utf8_lossy(&kept).trim() {
        "" => String::new(),
        said => format!(": {said}"),
    }
}
