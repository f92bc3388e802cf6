//! The farm at a glance: the numbers behind `/farm` and `/metrics`, all of one moment.

use std::collections::BTreeMap;

use steading_core::words::{Cell, FarmRow, RequestState, Seq, Worker, WorkerState, noun};
use steading_store::{Error, Filter, Read};
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
    /// Workers that have been away for longer than their limit.
    pub(crate) missing: i64,
    /// Connected workers that found something themselves to take nothing for.
    pub(crate) troubled: i64,
    /// Slots of ready workers.
    pub(crate) slots: i64,
    /// Whether the farm starts builds, and why not.
    pub(crate) farm: FarmRow,
    /// The newest event they know of.
    pub(crate) as_of: Seq,
}

impl Overview {
    /// Reads them.
    pub(crate) fn read(r: &Read<'_>) -> Result<Overview, Error> {
        let workers = r.workers()?;
        let in_state = |state| whole(workers.iter().filter(|worker| worker.state == state).count());
        let requests = [RequestState::Pending, RequestState::Claimed].map(|state| {
            Ok((state.word(), count(r, "request", Filter::eq("state", state.word()))?))
        });
        Ok(Overview {
            requests: requests.into_iter().collect::<Result<_, Error>>()?,
            running: count(r, "build", Filter::eq("finished_at", Cell::Null))?,
            workers: WorkerState::ALL.iter().map(|s| (s.word(), in_state(*s))).collect(),
            paused: whole(workers.iter().filter(|worker| worker.paused_by.is_some()).count()),
            missing: whole(workers.iter().filter(|worker| worker.missing_at.is_some()).count()),
            troubled: whole(workers.iter().filter(|worker| is_troubled(worker)).count()),
            farm: r.farm_row()?,
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
            pending: of(&self.requests, RequestState::Pending.word()),
            claimed: of(&self.requests, RequestState::Claimed.word()),
            running: self.running,
            workers_ready: of(&self.workers, WorkerState::Ready.word()),
            workers_offline: of(&self.workers, WorkerState::Offline.word()),
            workers_paused: self.paused,
            workers_missing: self.missing,
            workers_troubled: self.troubled,
            slots: self.slots,
            held: self.farm.held(),
            draining: self.farm.draining,
            as_of: self.as_of.0,
        }
    }
}

fn is_troubled(worker: &Worker) -> bool {
    worker.state != WorkerState::Offline && !worker.troubles.is_empty()
}

fn count(r: &Read<'_>, noun_name: &str, condition: Filter) -> Result<i64, Error> {
    let noun = noun(noun_name).expect("the table has requests and builds");
    r.count(noun, &[condition])
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
