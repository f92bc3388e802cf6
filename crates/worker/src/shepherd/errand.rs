//! An errand: take one command, start it, wait for its end or for the order to end it.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, WaitStatus, getpid, pidfd_open, set_child_subreaper, setsid,
};
use steading_wire::worker::{ExitRecord, Micros};

use super::job::{Job, Verdict, read_frame, to_frame};
use super::ladder::{CANCEL_GRACE, LEFTOVER_GRACE, end_all, living, timespec};
use super::lock;
use super::reaper::Reaper;
use crate::clock;

/// How often dead orphans are collected while the command runs.
const REAP_EVERY: Duration = Duration::from_secs(1);

/// The whole life of an errand.
///
/// # Errors
/// When it was told nothing, or cannot answer. Standard error is the step's log: there it is seen.
pub(super) fn run() -> io::Result<()> {
    // Without a terminal, a program that would ask a question fails instead of waiting for ever.
    let _ = setsid();
    set_child_subreaper(Some(getpid()))?;
    let mut control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let job: Job = read_frame(&mut control)?;
    let _hold = lock::share(&job.hold)?;
    if is_abandoned(&control) {
        return Ok(());
    }
    let verdict = match start(&job) {
        Ok(main) => watch(job, main, &control),
        Err(error) => not_started(&job, &error),
    };
    match control.write_all(&to_frame(&verdict)?) {
        // The worker died; its tree is ended, and nobody is left to tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
}

/// Whoever ordered it is dead, or changed its mind, before anything began.
fn is_abandoned(control: &UnixStream) -> bool {
    let mut polled = [PollFd::new(control, PollFlags::IN)];
    let at_once = timespec(Duration::ZERO);
    poll(&mut polled, Some(&at_once)).is_ok() && !polled[0].revents().is_empty()
}

#[expect(clippy::disallowed_methods, reason = "the shepherd exists to start processes")]
fn start(job: &Job) -> io::Result<Pid> {
    let (program, arguments) =
        job.argv.split_first().ok_or_else(|| io::Error::other("the command is empty"))?;
    let child = Command::new(program)
        .args(arguments)
        .envs(&job.env)
        .current_dir(&job.cwd)
        .stdin(Stdio::null())
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

fn watch(job: Job, main: Pid, control: &UnixStream) -> Verdict {
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
    Verdict::Ended { exit, killed }
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
        Some((status, at)) => {
            let status = exit_status(status);
            (status.code(), status.signal(), at)
        }
        None => (None, None, clock::now()),
    };
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
    let millis = |t: nix::sys::time::TimeVal| t.tv_sec() * 1000 + t.tv_usec() / 1000;
    ExitRecord {
        argv: job.argv,
        cwd: job.shown_cwd,
        code,
        signal,
        started_at,
        ended_at,
        user_ms: usage.map_or(0, |u| millis(u.user_time())),
        system_ms: usage.map_or(0, |u| millis(u.system_time())),
        max_rss_kib: usage.map_or(0, |u| u.max_rss()),
        leftovers,
    }
}

fn exit_status(status: WaitStatus) -> ExitStatus {
    ExitStatus::from_raw(status.as_raw())
}
