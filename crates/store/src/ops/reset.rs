//! Resets: a worker that had builds is brought back to a clean state before it gets others.

use steading_core::lifecycle;
use steading_core::settle::blame::quarantine;
use steading_core::words::{EventKind, Worker, WorkerId, WorkerState};

use super::row::cells;
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    BUSY = "SELECT (SELECT COUNT(*) FROM build WHERE worker = ?1 AND finished_at IS NULL) \
        + (SELECT COUNT(*) FROM claim WHERE worker = ?1 AND state = 'offered')";
    NEWEST_BUILD = "SELECT COALESCE(MAX(id), 0) FROM build";
}

impl Write<'_> {
    /// Says after how many builds a worker is reset; never, if `None`.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn worker_resets(&mut self, name: &str, every: Option<i64>) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        if known.reset_every == every {
            return Ok(());
        }
        // Whoever is to be reset from now on may have had anything before.
        let dirty = every.and(known.dirty_at.or(Some(self.now())));
        let cells = cells! { reset_every: every, dirty_at: dirty };
        self.patch(EventKind::WorkerConfigured, WorkerId::NOUN, id.0, cells)?;
        self.patch_hidden(WorkerId::NOUN, id.0, cells! { reset_build: every.map(|_| 0) })
    }

    /// A worker that is about to hear of a build is no longer clean.
    pub(super) fn soil(&mut self, id: WorkerId, known: &Worker) -> Result<(), Error> {
        if known.reset_every.is_none() || known.dirty_at.is_some() {
            return Ok(());
        }
        let cells = cells! { dirty_at: self.now() };
        self.patch(EventKind::WorkerReset, WorkerId::NOUN, id.0, cells)
    }

    /// A reset begins: nothing is offered to the worker until it has ended.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when the worker has something to do, is paused, or need not be reset.
    pub fn begin_reset(&mut self, name: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        let stale = |why: &str| Err(Error::Stale(format!("worker {name} {why}")));
        if !known.reset_due() {
            return stale("need not be reset");
        }
        if known.paused_by.is_some() {
            return stale("is paused: its reset waits");
        }
        if known.quarantine.is_some_and(|quarantine| quarantine.until > self.now()) {
            return stale("is in quarantine: its reset waits");
        }
        if self.int(BUSY, [name])? > 0 {
            return stale("has builds");
        }
        lifecycle::worker(known.state, WorkerState::Resetting)?;
        let cells = cells! { state: WorkerState::Resetting.word() };
        self.patch(EventKind::WorkerReset, WorkerId::NOUN, id.0, cells)
    }

    /// A reset succeeded: the worker is clean, and ready with its next session.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when it was not being reset.
    pub fn end_reset(&mut self, name: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        lifecycle::worker(known.state, WorkerState::Offline)?;
        let now = self.now();
        let newest = self.int(NEWEST_BUILD, [])?;
        let cells = cells! {
            state: WorkerState::Offline.word(), dirty_at: None::<i64>, reset_at: now,
            reset_failures: None::<i64>, reset_error: None::<&str>,
            lost_at: known.lost_at.unwrap_or(now),
        };
        self.patch(EventKind::WorkerReset, WorkerId::NOUN, id.0, cells)?;
        self.patch_hidden(WorkerId::NOUN, id.0, cells! { reset_build: newest })
    }

    /// A reset failed and is tried again at once: the worker stays dirty, and `resetting`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn retry_reset(&mut self, name: &str, why: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        let cells = cells! { reset_failures: known.reset_failures + 1, reset_error: why };
        self.patch(EventKind::WorkerReset, WorkerId::NOUN, id.0, cells)
    }

    /// A reset failed, or was cut off, and is not tried again now: the worker stays dirty.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when it was not being reset.
    pub fn fail_reset(&mut self, name: &str, why: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        lifecycle::worker(known.state, WorkerState::Offline)?;
        let cells = cells! {
            state: WorkerState::Offline.word(), reset_failures: None::<i64>, reset_error: why,
            lost_at: known.lost_at.unwrap_or(self.now()),
        };
        self.patch(EventKind::WorkerReset, WorkerId::NOUN, id.0, cells)
    }

    /// Resets failed too often: the worker is quarantined, each time for longer, and then reset
    /// again.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when it was not being reset.
    pub fn give_up_reset(&mut self, name: &str, why: &str) -> Result<(), Error> {
        self.fail_reset(name, why)?;
        let (id, known) = self.require_worker(name)?;
        let times = known.quarantine.map_or(0, |quarantine| quarantine.times);
        let cells = cells! {
            quarantined_until: self.now().plus(quarantine(times)), quarantined_why: why,
        };
        self.patch(EventKind::WorkerQuarantined, WorkerId::NOUN, id.0, cells)?;
        self.patch_hidden(WorkerId::NOUN, id.0, cells! { quarantines: times + 1 })
    }
}
