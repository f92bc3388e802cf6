//! What policies see of requests and workers.

use steading_core::farm::WorkerView;
use steading_core::matcher::NotNow;
use steading_core::settle::blame::Trust;
use steading_core::words::{Micros, Worker, WorkerState};

/// Whether a worker takes anything at the moment, and why not.
pub(super) fn accepting(worker: &Worker, now: Micros) -> Result<(), NotNow> {
    if let Some(by) = &worker.paused_by {
        let why = worker.paused_why.clone().unwrap_or_default();
        return Err(NotNow::Paused { by: by.clone(), why });
    }
    match worker.state {
        _ if worker.draining => Err(NotNow::Draining),
        WorkerState::Offline => Err(NotNow::Offline),
        WorkerState::Resetting => Err(NotNow::Resetting),
        WorkerState::Ready if worker.reset_due() => Err(NotNow::Resetting),
        WorkerState::Ready => match (worker.trust(now), &worker.quarantine) {
            _ if !worker.troubles.is_empty() => {
                Err(NotNow::Troubled { why: worker.troubles[0].text.clone() })
            }
            (Trust::Quarantined, Some(q)) => Err(NotNow::Quarantined { why: q.why.clone() }),
            _ => Ok(()),
        },
    }
}

/// A worker; its busy slots are derived by the matcher. One that is back from quarantine shows one
/// slot.
pub(super) fn view(worker: Worker, last_builder: String, now: Micros) -> WorkerView {
    let slots = match worker.trust(now) {
        Trust::Full => worker.slots,
        Trust::Quarantined | Trust::Canary => worker.slots.min(1),
    };
    WorkerView { name: worker.name, labels: worker.labels, slots, busy_slots: 0, last_builder }
}
