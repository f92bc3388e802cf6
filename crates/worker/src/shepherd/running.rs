//! A step that runs: its errand, its output, its limits.

use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, getpid};
use steading_wire::worker::{Attempt, Ending, Report};

use super::ending::{LADDER_MAX, Why, judge};
use super::job::{Job, Verdict, read_frame, to_frame};
use super::ladder::{LEFTOVER_GRACE, end_all};
use super::message::StepJob;
use super::reaper::Reaper;
use crate::capture::READ_BYTES;
use crate::clock;
use crate::process::{DRAIN_MAX, END, Finished, failed};
use crate::spool::{StepFile, Stream};

/// A step that runs.
pub(super) struct Running {
    key: (Attempt, i64),
    /// Its file in the spool.
    pub(super) file: StepFile,
    /// When it began.
    pub(super) began: Instant,
    child: Child,
    control: UnixStream,
    heard: Vec<u8>,
    pipes: [Option<PipeReader>; 2],
    wall: Option<Duration>,
    idle: Option<Duration>,
    last: Instant,
    why: Option<(Why, Instant)>,
    /// What came of it, and when.
    verdict: Option<(io::Result<Verdict>, Instant)>,
    buffer: Vec<u8>,
}

impl Running {
    /// Begins a step: its file first, so that nobody ever begins it again, then its command.
    pub(super) fn begin(job: StepJob, errands: &Path) -> Result<Running, Ending> {
        let key = (job.begin.attempt, job.begin.number());
        let file = StepFile::create(&job.file, job.begin, job.log_bytes_max)
            .map_err(|e| failed("spool_failed", "the step could not be begun", &e))?;
        let order = Job {
            argv: job.argv,
            env: job.env,
            cwd: job.cwd,
            shown_cwd: job.shown_cwd,
            hold: errands.to_owned(),
        };
        let started = start(&order).map_err(|e| {
            let _ = fs_err::remove_file(&job.file);
            failed("no_process", "a process could not be started", &e)
        });
        let (child, control, pipes) = started?;
        let now = clock::monotonic();
        Ok(Running {
            key,
            file,
            began: now,
            child,
            control,
            heard: Vec::new(),
            pipes: pipes.map(Some),
            wall: job.timeout_ms.map(Duration::from_millis),
            idle: job.idle_timeout_ms.map(Duration::from_millis),
            last: now,
            why: None,
            verdict: None,
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Whose step it is.
    pub(super) fn key(&self) -> (Attempt, i64) {
        self.key
    }

    /// What there is to be read.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let control = self.verdict.is_none().then(|| self.control.as_fd());
        control.into_iter().chain(self.pipes.iter().flatten().map(AsFd::as_fd))
    }

    /// When the clock has something to say.
    pub(super) fn due(&self) -> Option<Instant> {
        if let Some((_, at)) = &self.verdict {
            return Some(*at + DRAIN_MAX);
        }
        if let Some((_, at)) = self.why {
            return Some(at + LADDER_MAX);
        }
        let wall = self.wall.map(|wall| self.began + wall);
        let idle = self.idle.map(|idle| self.last + idle);
        [wall, idle].into_iter().flatten().min()
    }

    /// Has the whole tree ended; what ended by itself just now keeps its own end.
    pub(super) fn end(&mut self, why: Why) {
        if self.why.is_none() && self.verdict.is_none() {
            self.why = Some((why, clock::monotonic()));
            // If the errand is over, its verdict is there to be read.
            let _ = self.control.write_all(END);
        }
    }

    /// Takes what there is, and looks at the clock.
    pub(super) fn pump(&mut self) {
        for stream in Stream::BOTH {
            self.take_output(stream);
        }
        self.take_verdict();
        self.keep_limits();
    }

    fn take_output(&mut self, stream: Stream) {
        let Some(pipe) = &mut self.pipes[stream as usize] else { return };
        match pipe.read(&mut self.buffer) {
            Ok(0) => self.pipes[stream as usize] = None,
            Ok(n) => {
                self.last = clock::monotonic();
                if self.file.write(stream, clock::now(), &self.buffer[..n]).is_err() {
                    self.end(Why::Broken);
                }
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => self.pipes[stream as usize] = None,
        }
    }

    fn take_verdict(&mut self) {
        if self.verdict.is_some() {
            return;
        }
        let mut buffer = [0; 4096];
        let read = match self.control.read(&mut buffer) {
            Err(error) if is_passing(&error) => return,
            other => other,
        };
        let lost = match read {
            Ok(0) => io::Error::from(io::ErrorKind::UnexpectedEof),
            Ok(n) => {
                self.heard.extend_from_slice(&buffer[..n]);
                match read_frame(&mut self.heard.as_slice()) {
                    Ok(verdict) => return self.judged(Ok(verdict)),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        self.judged(Err(lost));
    }

    fn judged(&mut self, verdict: io::Result<Verdict>) {
        if verdict.is_err() {
            // Whatever it left is ours now, and ends.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let mut reaper = Reaper::new(id.unwrap_or_else(getpid));
        reaper.reap();
        if !reaper.childless {
            end_all(getpid(), &mut reaper, LEFTOVER_GRACE);
        }
        self.verdict = Some((verdict, clock::monotonic()));
    }

    fn keep_limits(&mut self) {
        let now = clock::monotonic();
        if self.verdict.is_some() {
            return;
        }
        if let Some((_, at)) = self.why {
            if now >= at + LADDER_MAX {
                self.judged(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "its processes do not die",
                )));
            }
            return;
        }
        if let Some(limit) = self.wall.filter(|wall| now >= self.began + *wall) {
            self.end(Why::TimedOut { idle: false, limit });
        } else if let Some(limit) = self.idle.filter(|idle| now >= self.last + *idle) {
            self.end(Why::TimedOut { idle: true, limit });
        }
    }

    /// Whether nothing more will come.
    pub(super) fn is_over(&self) -> bool {
        let drained = |at: Instant| clock::monotonic() >= at + DRAIN_MAX;
        let silent = self.pipes.iter().all(Option::is_none);
        self.verdict.as_ref().is_some_and(|(_, at)| silent || drained(*at))
    }

    /// Puts the end on disk.
    pub(super) fn finish(self) -> (Report, u64) {
        let why = self.why.map(|(why, _)| why);
        let finished = match self.verdict {
            Some((Ok(verdict), _)) => judge(verdict, why),
            Some((Err(error), _)) => lost(&error),
            None => lost(&io::Error::other("nothing was heard of it")),
        };
        self.file.finish(finished, clock::now())
    }
}

fn lost(error: &io::Error) -> Finished {
    let ending = failed("shepherd_lost", "the step's shepherd was lost", error);
    Finished { ending, exit: None }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

type Started = (Child, UnixStream, [PipeReader; 2]);

/// Starts an errand, from the very program that runs here.
#[expect(clippy::disallowed_methods, reason = "the shepherd exists to start processes")]
fn start(job: &Job) -> io::Result<Started> {
    let (mut control, theirs) = UnixStream::pair()?;
    let (stdout, stdout_end) = pipe()?;
    let (stderr, stderr_end) = pipe()?;
    let child = Command::new("/proc/self/exe")
        .arg0("steading-shepherd")
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(stdout_end)
        .stderr(stderr_end)
        .spawn()?;
    control.write_all(&to_frame(job)?)?;
    control.set_nonblocking(true)?;
    Ok((child, control, [stdout, stderr]))
}

fn pipe() -> io::Result<(PipeReader, io::PipeWriter)> {
    let (read, write) = io::pipe()?;
    // A small pipe only costs speed; an unprivileged worker may have used up its share.
    let _ = rustix::pipe::fcntl_setpipe_size(&read, READ_BYTES);
    rustix::io::ioctl_fionbio(&read, true)?;
    Ok((read, write))
}
