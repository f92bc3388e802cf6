//! A command of the daemon's own (git, for a checkout) from start to end: its errand, its output,
//! its limits. It ends with the daemon; what must outlive it is run by a slot's shepherd.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use steading_wire::worker::{Ending, ExitRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Launcher;
use super::launcher::Errand;
use crate::capture::{Activity, Sink, pump};
use crate::shepherd::{Answer, END, Job, LADDER_MAX, Verdict, Why, end_session, judge, read_frame};

/// How long output may still come after everybody who could write it is dead.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(10);

/// A command to run.
#[derive(Debug)]
pub(crate) struct Command {
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
    /// Added to the worker's environment.
    pub(crate) env: BTreeMap<String, String>,
    /// Where to run.
    pub(crate) cwd: PathBuf,
    /// The same, as people see it.
    pub(crate) shown_cwd: String,
    /// Longest run.
    pub(crate) wall: Option<Duration>,
    /// Longest silence.
    pub(crate) idle: Option<Duration>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub ending: Ending,
    /// Its record, if it ran.
    pub exit: Option<ExitRecord>,
}

/// Runs a command to its end, whatever that is. Dropping the future ends its tree too.
pub(crate) async fn run(
    launcher: &Launcher,
    command: Command,
    stdout: Sink<'_>,
    stderr: Sink<'_>,
    cancel: &CancellationToken,
) -> Finished {
    let Command { argv, env, cwd, shown_cwd, wall, idle } = command;
    let job = Job { argv, env, cwd, shown_cwd, hold: launcher.errands().to_owned() };
    match launcher.order(&job).await {
        Ok((errand, outputs)) => {
            let limits = (wall, idle);
            tend(launcher, errand, outputs, limits, (stdout, stderr), cancel).await
        }
        Err(error) => Finished {
            ending: failed("no_process", "a process could not be started", &error),
            exit: None,
        },
    }
}

async fn tend(
    launcher: &Launcher,
    mut errand: Errand,
    [out, err]: [Receiver; 2],
    (wall, idle): (Option<Duration>, Option<Duration>),
    (stdout, stderr): (Sink<'_>, Sink<'_>),
    cancel: &CancellationToken,
) -> Finished {
    let activity = Activity::new();
    let broken = CancellationToken::new();
    let limit = limit(wall, idle, &activity, cancel, &broken);
    let told = async {
        match converse(&mut errand.control, limit).await {
            // One that was told to end may find that order later: it goes.
            Ok((Answer { verdict, ready: true }, None)) => {
                launcher.give_back(errand);
                Ok((verdict, None))
            }
            told => {
                bury(errand, told.is_err()).await;
                told.map(|(answer, why)| (answer.verdict, why))
            }
        }
    };
    let pumped = async {
        let both = tokio::try_join!(pump(out, stdout, &activity), pump(err, stderr, &activity));
        both.map(drop).inspect_err(|_| broken.cancel())
    };
    tokio::pin!(told, pumped);
    let (told, pumped) = tokio::select! {
        told = &mut told => (told, timeout(DRAIN_MAX, pumped).await.unwrap_or(Ok(()))),
        pumped = &mut pumped => (told.await, pumped),
    };
    finish(told, pumped)
}

/// Waits for the answer; at a limit, has the tree ended first.
async fn converse(
    control: &mut UnixStream,
    limit: impl Future<Output = Why>,
) -> io::Result<(Answer, Option<Why>)> {
    let (mut read, mut write) = control.split();
    let verdict = async {
        // Exactly one frame: behind it may stand a reset, when our order to end came too late.
        let length = read.read_u32_le().await?;
        let mut frame = length.to_le_bytes().to_vec();
        (&mut read).take(u64::from(length)).read_to_end(&mut frame).await?;
        read_frame(&mut frame.as_slice())
    };
    tokio::pin!(verdict);
    let why = tokio::select! {
        verdict = &mut verdict => return Ok((verdict?, None)),
        why = limit => why,
    };
    // If the shepherd ended just now, its verdict is there to be read.
    let _ = write.write_all(END).await;
    match timeout(LADDER_MAX, verdict).await {
        Ok(verdict) => Ok((verdict?, Some(why))),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "its processes do not die")),
    }
}

async fn limit(
    wall: Option<Duration>,
    idle: Option<Duration>,
    activity: &Activity,
    cancel: &CancellationToken,
    broken: &CancellationToken,
) -> Why {
    tokio::select! {
        () = cancel.cancelled() => Why::Cancelled,
        () = broken.cancelled() => Why::Broken,
        () = sleep(wall.unwrap_or_default()), if wall.is_some() =>
            Why::TimedOut { idle: false, limit: wall.unwrap_or_default() },
        () = activity.silent_for(idle.unwrap_or_default()), if idle.is_some() =>
            Why::TimedOut { idle: true, limit: idle.unwrap_or_default() },
    }
}

/// Waits for the errand itself; one that was lost is killed, with what is left of its session.
async fn bury(Errand { mut child, control }: Errand, lost: bool) {
    drop(control);
    if lost {
        child.id().into_iter().for_each(end_session);
        let _ = child.start_kill();
    }
    if timeout(LADDER_MAX, child.wait()).await.is_err() {
        let _ = child.start_kill();
    }
}

fn finish(told: io::Result<(Verdict, Option<Why>)>, pumped: io::Result<()>) -> Finished {
    let (verdict, why) = match told {
        Ok(told) => told,
        Err(error) => {
            let ending = failed("shepherd_lost", "the step's shepherd was lost", &error);
            return Finished { ending, exit: None };
        }
    };
    let mut finished = judge(verdict, why);
    if let Err(error) = pumped {
        finished.ending = failed("spool_failed", "the step's log could not be kept", &error);
    }
    finished
}

/// An ending that is not the build's fault.
pub(crate) fn infrastructure(code: &str, text: String) -> Ending {
    Ending::Infrastructure { code: code.to_owned(), text }
}

/// The same from an error; a full disk has a code of its own, whoever met it.
pub(crate) fn failed(code: &str, what: &str, error: &io::Error) -> Ending {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let code = if full { "disk_full" } else { code };
    infrastructure(code, format!("{what}: {error}"))
}
