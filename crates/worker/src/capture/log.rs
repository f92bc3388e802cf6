//! A log of a step the daemon carries out itself: what a shepherd does for its own.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steading_wire::worker::{Attempt, LogKey, Report};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock;
use crate::process::Finished;
use crate::spool::{Begin, Spool, StepFile, Stream};

/// How often the live tail is sent at most.
pub(crate) const TAIL_EVERY: Duration = Duration::from_millis(100);

/// The two logs of a step, and the file they share.
pub(crate) struct Logs {
    /// What it printed, or what the worker did.
    pub(crate) stdout: LogWriter,
    /// What went wrong.
    pub(crate) stderr: LogWriter,
}

/// One of them.
pub(crate) struct LogWriter {
    step: Arc<Step>,
    stream: Stream,
    shown_at: Option<Instant>,
    links: watch::Receiver<u64>,
}

struct Step {
    attempt: Attempt,
    number: i64,
    spool: Arc<Spool>,
    /// Gone when the step has ended.
    file: Mutex<Option<StepFile>>,
}

impl Logs {
    /// Begins a step, or goes on with one whose daemon died.
    ///
    /// # Errors
    /// When the disk cannot take it.
    pub(crate) fn open(spool: &Arc<Spool>, begin: Begin, limit: u64) -> io::Result<Logs> {
        let (attempt, number) = (begin.attempt, begin.number());
        Ok(Logs::new(spool, attempt, number, spool.write(begin, limit)?))
    }

    fn new(spool: &Arc<Spool>, attempt: Attempt, number: i64, file: StepFile) -> Logs {
        let file = Mutex::new(Some(file));
        let step = Arc::new(Step { attempt, number, spool: Arc::clone(spool), file });
        let log = |stream| LogWriter {
            step: Arc::clone(&step),
            stream,
            shown_at: None,
            links: spool.links(),
        };
        Logs { stdout: log(Stream::Out), stderr: log(Stream::Err) }
    }

    /// Ends the step: both logs are whole, the report is on disk.
    pub(crate) fn finish(self, finished: Finished) -> Report {
        let step = &self.stdout.step;
        let file = step.file().take().expect("a step is ended once: its logs are gone with it");
        let (report, end) = file.finish(finished, clock::now());
        step.spool.ended(step.attempt, step.number, end);
        report
    }
}

impl Step {
    fn file(&self) -> MutexGuard<'_, Option<StepFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogWriter {
    /// Takes bytes that came just now.
    ///
    /// # Errors
    /// When the spool cannot take a block.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.step.file();
        let Some(file) = file.as_mut() else { return Ok(()) };
        let before = file.end();
        let written = file.write(self.stream, clock::now(), bytes);
        if file.end() > before {
            self.step.spool.grew(self.step.attempt, self.step.number, file.end());
        }
        written
    }

    /// When the next piece of the live tail may be sent, if there is one.
    pub(crate) fn tail_due(&self) -> Option<Instant> {
        let mut file = self.step.file();
        let file = file.as_mut()?;
        if self.links.has_changed().unwrap_or(false) {
            file.show_again(self.stream);
        }
        file.unseen(self.stream)?;
        Some(self.shown_at.map_or_else(Instant::now, |at| at + TAIL_EVERY))
    }

    /// Offers what is pending and was not shown yet to whoever watches.
    pub(crate) fn show_tail(&mut self) {
        let mut file = self.step.file();
        let Some(file) = file.as_mut() else { return };
        if self.links.has_changed().unwrap_or(false) {
            // A master that came back knows nothing of what an earlier one was shown.
            self.links.mark_unchanged();
            file.show_again(self.stream);
        }
        let Some((offset, at, unseen)) = file.unseen(self.stream) else { return };
        let Step { attempt, number, spool, .. } = &*self.step;
        let name = self.stream.name().to_owned();
        let key = LogKey { attempt: *attempt, step: *number, name };
        let taken = spool.offer_tail(key, offset, at, unseen);
        file.show(self.stream, taken);
        self.shown_at = Some(Instant::now());
    }

    /// Tells when a new link begins: then what is pending must be shown again.
    pub(crate) fn links(&self) -> watch::Receiver<u64> {
        self.links.clone()
    }
}
