//! An errand: take a command, start it, wait for its end or for the order to end it; and again,
//! as long as whoever started it lives and nothing was left over.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, set_child_subreaper, setsid};
use steading_wire::worker::{ExitRecord, Micros};

use super::job::{Answer, Job, Verdict, next_job, to_frame};
use super::ladder::{CANCEL_GRACE, LEFTOVER_GRACE, end_all, living, timespec};
use super::lock;
use super::reaper::Reaper;
use crate::clock;

/// How often dead orphans are collected while the command runs.
const REAP_EVERY: Duration = Duration::from_secs(1);

/// The whole life of an errand.
///
/// # Errors
/// When it was told nonsense, or cannot answer. What concerns a job is said in its answer.
pub(super) fn run() -> io::Result<()> {
    // Without a terminal, a program that would ask a question fails instead of waiting for ever.
    let _ = setsid();
    set_child_subreaper(Some(getpid()))?;
    let mut control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    while let Some((job, outputs)) = next_job(&mut control)? {
        let answer = carry_out(job, outputs, &control);
        match control.write_all(&to_frame(&answer)?) {
            Ok(()) if answer.ready => {}
            // Or: the worker died; its tree is ended, and nobody is left to tell.
            Ok(()) | Err(_) => break,
        }
    }
    Ok(())
}

/// Runs one command to its end. What it prints goes to `outputs`, which nobody else holds then.
fn carry_out(job: Job, outputs: [OwnedFd; 2], control: &UnixStream) -> Answer {
    let hold = match lock::share(&job.hold) {
        Ok(hold) => hold,
        Err(error) => {
            let text = format!("`{}` cannot be shared: {error}", job.hold.display());
            return Answer { verdict: Verdict::NotStarted { text, exhausted: true }, ready: true };
        }
    };
    if is_abandoned(control) {
        return Answer { verdict: Verdict::Withdrawn, ready: false };
    }
    let answer = match start(&job, outputs) {
        Ok(main) => watch(job, main, control),
        Err(error) => Answer { verdict: not_started(&job, &error), ready: true },
    };
    drop(hold);
    answer
}

/// Whoever ordered it is dead, or changed its mind, before anything began.
fn is_abandoned(control: &UnixStream) -> bool {
    let mut polled = [PollFd::new(control, PollFlags::IN)];
    let at_once = timespec(Duration::ZERO);
    poll(&mut polled, Some(&at_once)).is_ok() && !polled[0].revents().is_empty()
}

#[expect(clippy::disallowed_methods, reason = "the shepherd exists to start processes")]
fn start(job: &Job, [stdout, stderr]: [OwnedFd; 2]) -> io::Result<Pid> {
    let (program, arguments) =
        job.argv.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
    let child = Command::new(program)
        .args(arguments)
        .envs(&job.env)
        .current_dir(&job.cwd)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()?;
    Ok(i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("the kernel numbers from 1"))
}

fn not_started(job: &Job, error: &io::Error) -> Verdict {
    let program = job.argv.first().map_or("", String::as_str);
    let exhausted = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory);
    let text = if !job.cwd.is_dir() {
        format!("`{program}` could not be started: no directory `{}`", job.shown_cwd)
    } else if error.kind() == io::ErrorKind::NotFound {
        format!("`{program}` could not be started: no such program on this worker ({error})")
    } else {
        format!("`{program}` could not be started: {error}")
    };
    Verdict::NotStarted { text, exhausted }
}

fn watch(job: Job, main: Pid, control: &UnixStream) -> Answer {
    let started_at = clock::now();
    let me = getpid();
    let mut reaper = Reaper::new(main);
    let killed = !ends_by_itself(main, &mut reaper, control);
    let mut leftovers = Vec::new();
    if killed {
        end_all(me, &mut reaper, CANCEL_GRACE);
    } else if !reaper.childless {
        leftovers = living(me).into_iter().map(|m| m.name).collect();
        end_all(me, &mut reaper, LEFTOVER_GRACE);
    }
    let exit = record(job, started_at, &reaper, leftovers);
    // What does not die falls to the shepherd, when this errand ends.
    Answer { verdict: Verdict::Ended { exit, killed }, ready: reaper.childless && !killed }
}

/// Waits; true when the command ended, false when it must be ended.
fn ends_by_itself(main: Pid, reaper: &mut Reaper, control: &UnixStream) -> bool {
    let pidfd: Option<OwnedFd> = pidfd_open(main, PidfdFlags::empty()).ok();
    let tick = timespec(REAP_EVERY);
    loop {
        reaper.reap();
        if reaper.ended.is_some() {
            return true;
        }
        let mut polled = vec![PollFd::new(control, PollFlags::IN)];
        polled.extend(pidfd.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        if poll(&mut polled, Some(&tick)).is_ok() && !polled[0].revents().is_empty() {
            reaper.reap();
            return reaper.ended.is_some();
        }
    }
}

fn record(job: Job, started_at: Micros, reaper: &Reaper, leftovers: Vec<String>) -> ExitRecord {
    let (code, signal, ended_at) = match reaper.ended {
        Some((status, at)) => (status.code(), status.signal(), at),
        None => (None, None, clock::now()),
    };
    ExitRecord {
        argv: job.argv,
        cwd: job.shown_cwd,
        code,
        signal,
        started_at,
        ended_at,
        user_ms: reaper.used_us.0 / 1000,
        system_ms: reaper.used_us.1 / 1000,
        max_rss_kib: reaper.max_rss_kib,
        leftovers,
    }
}
