//! A worker during the replay, and how busy it was.

use super::{Busy, PastWorker};
use crate::farm::WorkerView;
use crate::matcher::NotNow;
use crate::words::{Duration, Micros};

/// A worker at a moment, with the slot time counted up to the last change.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) view: WorkerView,
    pub(super) accepting: Result<(), NotNow>,
    counted_to: Micros,
    busy_us: i64,
    available_us: i64,
}

impl Seat {
    pub(super) fn new(name: &str, past: &PastWorker, since: Micros) -> Seat {
        let view = WorkerView {
            name: name.to_owned(),
            labels: past.labels.clone(),
            slots: past.slots,
            busy_slots: 0,
            last_builder: past.last_builder.clone(),
        };
        let accepting = past.accepting.clone();
        Seat { view, accepting, counted_to: since, busy_us: 0, available_us: 0 }
    }

    /// Counts the time since the last change; to be called before each.
    pub(super) fn count_to(&mut self, now: Micros) {
        let span = now.0.saturating_sub(self.counted_to.0);
        let busy = self.view.busy_slots;
        // A worker that takes nothing new is there for what it still has.
        let available = if self.accepting.is_ok() { self.view.slots.max(busy) } else { busy };
        self.busy_us = self.busy_us.saturating_add(span.saturating_mul(busy));
        self.available_us = self.available_us.saturating_add(span.saturating_mul(available));
        self.counted_to = now;
    }

    pub(super) fn busy(&self) -> Busy {
        Busy { busy: Duration(self.busy_us / 1000), available: Duration(self.available_us / 1000) }
    }
}
