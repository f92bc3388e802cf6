//! Workers: met, connected, lost, paused, drained.

use std::collections::BTreeMap;

use steading_core::lifecycle;
use steading_core::words::{EventKind, Value, Worker, WorkerId, WorkerState};

use super::row::{Cells, cells, json};
use crate::{Error, Write};

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
        if known.state != WorkerState::Ready {
            lifecycle::worker(known.state, WorkerState::Ready)?;
        }
        let cells = cells! {
            state: WorkerState::Ready.word(), version: version, facts: json(facts),
            connected_at: self.now(), lost_at: None::<i64>,
        };
        self.patch(EventKind::WorkerConnected, WorkerId::NOUN, id.0, cells)
    }

    /// The session ended: the worker is offline. Its builds stay as they are; it may come back.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn worker_lost(&mut self, name: &str) -> Result<(), Error> {
        let (id, known) = self.require_worker(name)?;
        if known.state == WorkerState::Offline {
            return Ok(());
        }
        lifecycle::worker(known.state, WorkerState::Offline)?;
        let cells = cells! { state: WorkerState::Offline.word(), lost_at: self.now() };
        self.patch(EventKind::WorkerLost, WorkerId::NOUN, id.0, cells)
    }

    /// The worker gets nothing new until it is resumed; says who and why.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn pause_worker(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        self.flag(name, cells! { paused_by: by, paused_why: why }, |worker| {
            worker.paused_by.as_deref() == Some(by) && worker.paused_why.as_deref() == Some(why)
        })
    }

    /// The worker takes builds again.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn resume_worker(&mut self, name: &str) -> Result<(), Error> {
        let cells = cells! { paused_by: None::<&str>, paused_why: None::<&str> };
        self.flag(name, cells, |worker| worker.paused_by.is_none())
    }

    /// The worker finishes what it has and takes nothing new, or takes builds again.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn drain_worker(&mut self, name: &str, draining: bool) -> Result<(), Error> {
        self.flag(name, cells! { draining: draining }, |worker| worker.draining == draining)
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

    fn require_worker(&self, name: &str) -> Result<(WorkerId, Worker), Error> {
        self.worker_row(name)?.ok_or_else(|| Error::not_found(WorkerId::NOUN, name))
    }
}
