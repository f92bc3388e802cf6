//! When waiting requests will start: the snapshot followed on with what history teaches.

use std::collections::BTreeMap;

use steading_core::forecast::{self, Live, Outlook, Seat, Usual};
use steading_core::matcher::Explanation;
use steading_core::words::RequestId;
use steading_wire::rest;

use super::snapshot::Snapshot;
use super::views::{accepting, view};
use crate::context::Context;
use crate::farms::FarmError;

/// Decisions each run of a forecast may follow; what starts after them starts "later than".
const DECISIONS_MAX: usize = 20_000;

/// What a forecast needs besides the snapshot. It is read a moment later: a forecast that counts a
/// build twice which began in between is as good as any.
#[derive(Debug)]
pub(super) struct Known {
    workers: BTreeMap<String, Seat>,
    live: Vec<Live>,
    usual: BTreeMap<String, Usual>,
    usual_steps: BTreeMap<(String, String), Usual>,
}

impl Known {
    pub(super) async fn read(context: &Context) -> Result<Known, FarmError> {
        let read = context.store.read(|r| {
            let mut last_builders = r.last_builders()?;
            let seats = r.workers()?.into_iter().map(|worker| {
                let (name, accepting) = (worker.name.clone(), accepting(&worker, r.now()));
                let last = last_builders.remove(&name).unwrap_or_default();
                (name, Seat { view: view(worker, last, r.now()), accepting })
            });
            let workers = seats.collect();
            let live = r.live_holdings()?;
            let usual_steps = r.durations_of_steps(&live)?;
            Ok(Known { workers, live, usual: r.durations()?, usual_steps })
        });
        Ok(read.await?)
    }

    /// When those of the requests explained will start that something starts.
    pub(super) fn starts(
        &self,
        snapshot: &Snapshot,
        explained: &[Explanation],
    ) -> BTreeMap<RequestId, rest::StartsIn> {
        let waits = explained.iter().filter(|found| forecast::may_start(&found.verdict));
        let asked: Vec<RequestId> = waits.map(|found| found.request).collect();
        let expected = forecast::expect(self.outlook(snapshot), &asked);
        let starts = expected.into_iter();
        starts.filter_map(|(id, found)| Some((id, rest::StartsIn::of(&found)?))).collect()
    }

    /// Adds to an explanation when the request will start, and what would change that.
    pub(super) fn tell(
        &self,
        snapshot: &Snapshot,
        explained: &Explanation,
        shown: &mut rest::Explanation,
    ) {
        let found = forecast::what_if(self.outlook(snapshot), explained);
        let Some((expected, tried)) = found else { return };
        shown.starts_in_ms = rest::StartsIn::of(&expected);
        shown.what_if = tried.iter().map(rest::WhatIf::of).collect();
    }

    fn outlook<'a>(&'a self, snapshot: &'a Snapshot) -> Outlook<'a> {
        Outlook {
            matcher: &snapshot.matcher,
            farm: &snapshot.present.farm,
            policy: snapshot.present.policy.as_ref(),
            workers: &self.workers,
            live: &self.live,
            usual: &self.usual,
            usual_steps: &self.usual_steps,
            now: snapshot.decided.at,
            decisions_max: DECISIONS_MAX,
        }
    }
}
