//! The shepherd of a slot: one loop over its daemon, the step that runs, and the clock.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{getpid, set_child_subreaper, setsid};
use steading_wire::worker::{Attempt, Ending, LogKey, Report};

use super::ending::Why;
use super::hand::Errand;
use super::ladder::timespec;
use super::link::{Link, listen};
use super::message::{FromShepherd, SHEPHERD_PROTOCOL, StepJob, ToShepherd};
use super::names::Names;
use super::program::identity;
use super::running::Running;
use super::{ERRANDS, LOCK, lock};
use crate::capture::TAIL_EVERY;
use crate::clock;
use crate::process::infrastructure;
use crate::spool::Stream;

/// How much of the live tail is sent at once, in bytes.
const TAIL_BYTES: usize = 64 << 10;
/// How long an errand waits for the next step before its memory is given back.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Tends the slot of a directory until neither a step nor a daemon needs it.
pub(super) fn run(dir: &Path) -> io::Result<()> {
    let _ = setsid();
    set_child_subreaper(Some(getpid()))?;
    let Some(lock) = lock::take(&dir.join(LOCK))? else {
        return Err(io::Error::other(format!("another one tends {}", dir.display())));
    };
    let stdin = io::stdin();
    let link = Link::new(UnixStream::from(stdin.as_fd().try_clone_to_owned()?))?;
    let mut slot = Slot {
        errands: dir.join(ERRANDS),
        program: identity()?,
        listener: listen(dir)?,
        link: Some(link),
        step: None,
        idle: None,
        names: Names::default(),
        told: 0,
        shown_at: None,
        leaving: false,
        _lock: lock,
    };
    slot.greet();
    // It is there when the first step comes; if it could not be started, that step says why.
    slot.idle = Errand::start().ok().map(|errand| (errand, clock::monotonic()));
    while !slot.is_done() {
        slot.wait()?;
        slot.hear();
        slot.meet();
        slot.advance();
        slot.tell();
        slot.rest();
    }
    // Before the lock is free: nothing of a shepherd that went is left.
    slot.idle.into_iter().for_each(|(errand, _)| errand.dismiss());
    Ok(())
}

struct Slot {
    errands: PathBuf,
    program: String,
    listener: UnixListener,
    link: Option<Link>,
    step: Option<Running>,
    /// Who ran the last step and waits for the next, and since when.
    idle: Option<(Errand, Instant)>,
    names: Names,
    /// How much of the step's file the daemon was told of.
    told: u64,
    shown_at: Option<Instant>,
    leaving: bool,
    _lock: File,
}

impl Slot {
    fn is_done(&self) -> bool {
        self.step.is_none() && (self.link.is_none() || self.leaving)
    }

    /// Waits until something can be read or written, or the clock says that something is due.
    fn wait(&self) -> io::Result<()> {
        let due = [self.step.as_ref().and_then(Running::due), self.tail_due(), self.idle_due()];
        let due = due.into_iter().flatten().min();
        let left = due.map(|at| timespec(at.saturating_duration_since(clock::monotonic())));
        let mut polled = vec![PollFd::new(&self.listener, PollFlags::IN)];
        if let Some(link) = &self.link {
            let (fd, flags) = link.interest();
            polled.push(PollFd::from_borrowed_fd(fd, flags));
        }
        if let Some(step) = &self.step {
            polled.extend(step.sources().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        }
        match poll(&mut polled, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A daemon that connects follows one that is dead: what that one still said is heard first.
    fn meet(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            self.hear();
            self.link = Link::new(stream).ok();
            self.greet();
        }
    }

    fn greet(&mut self) {
        let running = self.step.as_ref().map(Running::key);
        let program = self.program.clone();
        self.say(&FromShepherd::Here { protocol: SHEPHERD_PROTOCOL, program, running });
        self.told = 0;
        self.show_again();
    }

    fn hear(&mut self) {
        let heard = self.link.as_mut().map(Link::hear).unwrap_or_default();
        for message in heard {
            match message {
                ToShepherd::Run(job) => self.begin(*job),
                ToShepherd::End { attempt, number } => {
                    let step = self.step.as_mut();
                    let step = step.filter(|step| step.key() == (attempt, number));
                    step.into_iter().for_each(|step| step.end(Why::Cancelled));
                }
                ToShepherd::Show => self.show_again(),
                ToShepherd::Leave => self.leaving = true,
            }
        }
        if let Some(link) = &mut self.link {
            link.flush();
        }
        if self.link.as_ref().is_some_and(|link| !link.stands) {
            self.link = None;
        }
    }

    fn begin(&mut self, job: StepJob) {
        let key = (job.begin.attempt, job.begin.number());
        if self.step.as_ref().is_some_and(|step| step.key() == key) {
            return;
        }
        if self.step.is_some() {
            let ending = infrastructure("slot_busy", "the slot runs another step".to_owned());
            return self.not_begun(key, ending);
        }
        let errand = self.idle.take().map(|(errand, _)| errand);
        match Running::begin(job, &self.errands, errand, &mut self.names) {
            Ok(step) => {
                // That it has begun is no news: the daemon said so.
                (self.told, self.shown_at) = (step.file.end(), None);
                self.step = Some(step);
            }
            Err(finished) => self.not_begun(key, finished),
        }
    }

    /// Says that a step ended which has no file, or one that is another's.
    fn not_begun(&mut self, (attempt, number): (Attempt, i64), ending: Ending) {
        let (logs, stderr_tail) = (Vec::new(), String::new());
        let report = Report { ending, exit: None, logs, stderr_tail };
        self.say(&FromShepherd::Ended { attempt, number, end: 0, report: Box::new(report) });
    }

    fn advance(&mut self) {
        let Some(step) = &mut self.step else { return };
        step.pump();
        if !step.is_over() {
            return;
        }
        let step = self.step.take().expect("it was there just now");
        let (attempt, number) = step.key();
        let (report, end, errand) = step.finish(&mut self.names);
        self.idle = errand.map(|errand| (errand, clock::monotonic()));
        self.say(&FromShepherd::Ended { attempt, number, end, report: Box::new(report) });
    }

    /// Tells how far the file has grown, and shows what is in no block yet.
    fn tell(&mut self) {
        let shows = self.tail_due().is_some_and(|at| at <= clock::monotonic());
        let (Some(step), Some(link)) = (&mut self.step, &mut self.link) else { return };
        if !link.is_clear() {
            return;
        }
        let (attempt, number) = step.key();
        if step.file.end() > self.told {
            self.told = step.file.end();
            link.say(&FromShepherd::Grew { attempt, number, end: self.told });
        }
        if !shows {
            return;
        }
        for stream in Stream::BOTH {
            let Some((raw_offset, at, unseen)) = step.file.unseen(stream) else { continue };
            let raw = unseen[..unseen.len().min(TAIL_BYTES)].to_vec();
            step.file.show(stream, raw.len());
            let log = LogKey { attempt, step: number, name: stream.name().to_owned() };
            link.say(&FromShepherd::Tail { log, raw_offset, at, raw });
        }
        self.shown_at = Some(clock::monotonic());
    }

    /// When the next piece of the live tail is to be shown; nobody there, nothing to show.
    fn tail_due(&self) -> Option<Instant> {
        let step = self.step.as_ref().filter(|step| step.file.has_unseen())?;
        self.link.as_ref().filter(|link| link.is_clear())?;
        Some(self.shown_at.map_or_else(|| step.began, |at| at + TAIL_EVERY))
    }

    fn idle_due(&self) -> Option<Instant> {
        self.idle.as_ref().map(|(_, since)| *since + IDLE_MAX)
    }

    /// Sends an errand away that nobody needed for long.
    fn rest(&mut self) {
        if self.idle_due().is_some_and(|at| at <= clock::monotonic())
            && let Some((errand, _)) = self.idle.take()
        {
            errand.dismiss();
        }
    }

    fn show_again(&mut self) {
        for stream in Stream::BOTH {
            self.step.iter_mut().for_each(|step| step.file.show_again(stream));
        }
        self.shown_at = None;
    }

    fn say(&mut self, message: &FromShepherd) {
        self.link.iter_mut().for_each(|link| link.say(message));
    }
}
