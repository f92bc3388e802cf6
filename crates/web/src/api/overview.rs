//! The farm at a glance: the numbers behind `/farm` and `/metrics`, all of one moment.

use std::collections::BTreeMap;

use steading_core::words::{Seq, WorkerState};
use steading_store::{Error, Read};
use steading_wire::rest;

/// The numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overview {
    /// Requests that are pending or claimed, by state.
    pub(crate) requests: BTreeMap<&'static str, i64>,
    /// Builds without their outcome.
    pub(crate) running: i64,
    /// Workers, by state; every state is there.
    pub(crate) workers: BTreeMap<&'static str, i64>,
    /// Workers somebody paused.
    pub(crate) paused: i64,
    /// Slots of ready workers.
    pub(crate) slots: i64,
    /// The newest event they know of.
    pub(crate) as_of: Seq,
}

impl Overview {
    /// Reads them.
    pub(crate) fn read(r: &Read<'_>) -> Result<Overview, Error> {
        let workers = r.workers()?;
        let running = count(r.live_builds()?.len());
        // A claimed request is either being offered or being built.
        let claimed = running + count(r.offered_claims()?.len());
        let in_state = |state| count(workers.iter().filter(|worker| worker.state == state).count());
        Ok(Overview {
            requests: [("pending", count(r.pending()?.len())), ("claimed", claimed)].into(),
            running,
            workers: WorkerState::ALL.iter().map(|s| (s.word(), in_state(*s))).collect(),
            paused: count(workers.iter().filter(|worker| worker.paused_by.is_some()).count()),
            slots: workers.iter().filter(|w| w.state == WorkerState::Ready).map(|w| w.slots).sum(),
            as_of: r.newest_seq()?,
        })
    }

    /// As `/farm` shows them.
    pub(crate) fn farm(&self, version: &str) -> rest::Farm {
        let of = |counts: &BTreeMap<&'static str, i64>, state: &str| {
            counts.get(state).copied().unwrap_or_default()
        };
        rest::Farm {
            version: version.to_owned(),
            pending: of(&self.requests, "pending"),
            claimed: of(&self.requests, "claimed"),
            running: self.running,
            workers_ready: of(&self.workers, WorkerState::Ready.word()),
            workers_offline: of(&self.workers, WorkerState::Offline.word()),
            workers_paused: self.paused,
            slots: self.slots,
            as_of: self.as_of.0,
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
