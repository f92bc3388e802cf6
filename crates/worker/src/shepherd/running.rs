//! A step that runs: its errand, its output, its limits.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use steading_wire::worker::{Attempt, Ending, Report};

use super::ending::{LADDER_MAX, Why, judge};
use super::hand::Errand;
use super::job::{Answer, Job, Verdict, read_frame};
use super::message::StepJob;
use super::names::Names;
use crate::capture::READ_BYTES;
use crate::clock;
use crate::process::{DRAIN_MAX, Finished, failed};
use crate::spool::{StepFile, Stream};

/// A step that runs.
pub(super) struct Running {
    key: (Attempt, i64),
    /// Its file in the spool.
    pub(super) file: StepFile,
    /// When it began.
    pub(super) began: Instant,
    /// Who runs it; gone when it cannot run another.
    errand: Option<Errand>,
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
    /// Begins a step: its file first, so that nobody ever begins it again, then its command, by
    /// the errand of an earlier step if there is one.
    pub(super) fn begin(
        job: StepJob,
        errands: &Path,
        errand: Option<Errand>,
        names: &mut Names,
    ) -> Result<Running, Ending> {
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
        let started = start(&order, errand).map_err(|e| {
            let _ = fs_err::remove_file(&job.file);
            failed("no_process", "a process could not be started", &e)
        });
        let (errand, pipes) = started?;
        names.begin(file.dir());
        let now = clock::monotonic();
        Ok(Running {
            key,
            file,
            began: now,
            errand: Some(errand),
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
        let errand = self.errand.as_ref().filter(|_| self.verdict.is_none());
        let control = errand.map(|errand| errand.source());
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
            self.errand.iter().for_each(Errand::end);
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
        let Some(errand) = &self.errand else { return };
        let mut buffer = [0; 4096];
        let read = match errand.read(&mut buffer) {
            Err(error) if is_passing(&error) => return,
            other => other,
        };
        let lost = match read {
            Ok(0) => io::Error::from(io::ErrorKind::UnexpectedEof),
            Ok(n) => {
                self.heard.extend_from_slice(&buffer[..n]);
                match read_frame(&mut self.heard.as_slice()) {
                    Ok(answer) => return self.answered(answer),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        self.lost(lost);
    }

    /// The errand said how it went. One that was told to end may find that order later: it goes.
    fn answered(&mut self, Answer { verdict, ready }: Answer) {
        if !ready || self.why.is_some() {
            self.errand.take().into_iter().for_each(Errand::dismiss);
        }
        self.verdict = Some((Ok(verdict), clock::monotonic()));
    }

    /// The errand is lost: whatever it left is ours now, and ends.
    fn lost(&mut self, error: io::Error) {
        if let Some(mut errand) = self.errand.take() {
            errand.kill();
            errand.dismiss();
        }
        self.verdict = Some((Err(error), clock::monotonic()));
    }

    fn keep_limits(&mut self) {
        let now = clock::monotonic();
        if self.verdict.is_some() {
            return;
        }
        if let Some((_, at)) = self.why {
            if now >= at + LADDER_MAX {
                let text = "its processes do not die";
                self.lost(io::Error::new(io::ErrorKind::TimedOut, text));
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

    /// Puts the end on disk; gives back the errand, if it can run the next step.
    pub(super) fn finish(self, names: &mut Names) -> (Report, u64, Option<Errand>) {
        let why = self.why.map(|(why, _)| why);
        let finished = match self.verdict {
            Some((Ok(verdict), _)) => judge(verdict, why),
            Some((Err(error), _)) => lost(&error),
            None => lost(&io::Error::other("nothing was heard of it")),
        };
        let sync_names = |dir: &Path| names.finish(dir);
        let (report, end) = self.file.finish_named(finished, clock::now(), sync_names);
        (report, end, self.errand)
    }
}

fn lost(error: &io::Error) -> Finished {
    let ending = failed("shepherd_lost", "the step's shepherd was lost", error);
    Finished { ending, exit: None }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Has a job begun. An errand that died since its last one did not begin it, and gets a successor.
fn start(job: &Job, errand: Option<Errand>) -> io::Result<(Errand, [PipeReader; 2])> {
    if let Some(mut errand) = errand {
        match errand.order(job) {
            Ok(pipes) => return Ok((errand, pipes)),
            Err(_) => errand.dismiss(),
        }
    }
    let mut errand = Errand::start()?;
    match errand.order(job) {
        Ok(pipes) => Ok((errand, pipes)),
        Err(error) => {
            errand.dismiss();
            Err(error)
        }
    }
}
