//! Workers: met, connected, lost, paused, drained.

use std::collections::BTreeMap;

use steading_core::lifecycle;
use steading_core::words::{EventKind, Reason, Value, Worker, WorkerId, WorkerState};

use super::pause::resumed;
use super::row::{Cells, cells, json};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    FORGET_QUARANTINES = "UPDATE worker SET quarantines = 0, refusals = 0 WHERE name = ?1";
}

impl Write<'_> {
    /// Makes a worker known, or brings its slots and labels up to its declaration.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn meet_worker(
        &mut self,
        name: &str,
        slots: i64,
        labels: &BTreeMap<String, Value>,
    ) -> Result<(), Error> {
        let Some((id, known)) = self.worker_row(name)? else {
            let state = WorkerState::Offline.word();
            let cells = cells! {
                name: name, state: state, slots: slots, labels: json(labels), draining: false,
            };
            self.insert(EventKind::WorkerAdded, WorkerId::NOUN, cells, vec![])?;
            return Ok(());
        };
        if (known.slots, &known.labels) == (slots, labels) {
            return Ok(());
        }
        let cells = cells! { slots: slots, labels: json(labels) };
        self.patch(EventKind::WorkerConfigured, WorkerId::NOUN, id.0, cells)
    }

    /// A session began: the worker is ready. A session that replaces another begins anew.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn worker_connected(
        &mut self,
        name: &str,
        version: &str,
        facts: &serde_json::Value,
    ) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        // A reset ends when its command does, not when the machine dials.
        let state = match known.state {
            WorkerState::Resetting => WorkerState::Resetting,
            WorkerState::Offline | WorkerState::Ready => WorkerState::Ready,
        };
        if known.state != state {
            lifecycle::worker(known.state, state)?;
        }
        let cells = cells! {
            state: state.word(), version: version, facts: json(facts),
            connected_at: self.now(), lost_at: None::<i64>, missing_at: None::<i64>,
        };
        self.patch(EventKind::WorkerConnected, WorkerId::NOUN, id.0, cells)
    }

    /// The session ended: the worker is offline. Its builds stay as they are; it may come back.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn worker_lost(&mut self, name: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        // A reset may well end the session.
        let state = match known.state {
            WorkerState::Offline => return Ok(()),
            WorkerState::Resetting => WorkerState::Resetting,
            WorkerState::Ready => WorkerState::Offline,
        };
        if known.state != state {
            lifecycle::worker(known.state, state)?;
        }
        let cells = cells! { state: state.word(), lost_at: self.now() };
        self.patch(EventKind::WorkerLost, WorkerId::NOUN, id.0, cells)
    }

    /// The worker gets nothing new until it is resumed; says who and why.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn pause_worker(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        let cells = cells! { paused_by: by, paused_why: why, paused_at: self.now() };
        self.flag(name, cells, |worker| {
            worker.paused_by.as_deref() == Some(by) && worker.paused_why.as_deref() == Some(why)
        })
    }

    /// The worker takes builds again, whoever paused or drained it, and whatever it was charged
    /// with.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn resume_worker(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        let nobody = None::<&str>;
        self.execute(FORGET_QUARANTINES, [name])?;
        // Only what changes is said: what stood before is read from that.
        let mut cells = Cells::new();
        if known.paused_by.is_some() {
            cells.extend(cells! { paused_by: nobody, paused_why: nobody, paused_at: None::<i64> });
        }
        if known.draining {
            cells.extend(cells! { draining: false, draining_by: nobody, draining_why: nobody });
        }
        if known.quarantine.is_some() {
            let never = None::<i64>;
            cells.extend(cells! {
                failures: 0, quarantined_until: never, quarantined_why: nobody,
            });
        }
        if cells.is_empty() {
            return Ok(());
        }
        cells.extend(resumed(by, why));
        self.patch(EventKind::WorkerFlagged, WorkerId::NOUN, id.0, cells)
    }

    /// The worker finishes what it has and takes nothing new, or takes builds again: because it
    /// says so, or is no longer declared. One that a person drains goes on draining.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn drain_worker(&mut self, name: &str, draining: bool) -> Result<(), Error> {
        let (_, known) = self.require_worker(name)?;
        let draining = draining || known.draining_by.is_some();
        self.flag(name, cells! { draining: draining }, |worker| worker.draining == draining)
    }

    /// Somebody wants the worker empty: it finishes what it has and takes nothing new until it is
    /// resumed, however often it connects.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn empty_worker(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        let cells = cells! { draining: true, draining_by: by, draining_why: why };
        let asked = Some((by.to_owned(), why.to_owned()));
        self.flag(name, cells, |worker| worker.draining && worker.draining_by == asked)
    }

    /// The worker says how its machine is now.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn worker_observed(&mut self, name: &str, facts: &serde_json::Value) -> Result<(), Error> {
        let (id, _) = self.require_worker(name)?;
        let cells = cells! { facts: json(facts) };
        self.patch(EventKind::WorkerObserved, WorkerId::NOUN, id.0, cells)
    }

    /// The worker says what it found itself to take nothing for, if anything.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn worker_troubled(&mut self, name: &str, troubles: &[Reason]) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        if known.troubles == troubles {
            return Ok(());
        }
        let cells = cells! { troubles: (!troubles.is_empty()).then(|| json(&troubles)) };
        self.patch(EventKind::WorkerTroubled, WorkerId::NOUN, id.0, cells)
    }

    /// The worker has been away for longer than its limit; said once for each absence.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn worker_missing(&mut self, name: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        if known.missing_at.is_some() || known.state != WorkerState::Offline {
            return Ok(());
        }
        let cells = cells! { missing_at: self.now() };
        self.patch(EventKind::WorkerMissing, WorkerId::NOUN, id.0, cells)
    }

    fn flag(
        &mut self,
        name: &str,
        cells: Cells,
        already: impl FnOnce(&Worker) -> bool,
    ) -> Result<(), Error> {
        let (id, worker) = self.require_worker(name)?;
        if already(&worker) {
            return Ok(());
        }
        self.patch(EventKind::WorkerFlagged, WorkerId::NOUN, id.0, cells)
    }

    pub(super) fn require_worker(&self, name: &str) -> Result<(WorkerId, Worker), Error> {
        self.worker_row(name)?.ok_or_else(|| Error::not_found(WorkerId::NOUN, name))
    }
}
