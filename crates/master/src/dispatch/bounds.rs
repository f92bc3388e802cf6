//! Requests that were to start by a time: once that is over and one still waits, the farm says so.

use std::collections::{BTreeMap, BTreeSet};

use steading_core::words::{Micros, Request, RequestId};
use steading_wire::rest;

use super::snapshot::Snapshot;
use crate::context::Context;
use crate::farms::FarmError;

/// When which pending requests were to start. Those reported already, and those that started once
/// before, are left out.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    by_time: BTreeSet<(Micros, RequestId)>,
    of: BTreeMap<RequestId, Micros>,
}

impl Bounds {
    /// Looks at a request, `None` if it is not pending.
    pub(super) fn look(&mut self, id: RequestId, pending: Option<&Request>) {
        if let Some(at) = self.of.remove(&id) {
            self.by_time.remove(&(at, id));
        }
        let waits = pending.filter(|it| it.overdue_at.is_none() && it.build_id.is_none());
        if let Some(at) = waits.and_then(|request| request.start_by) {
            self.of.insert(id, at);
            self.by_time.insert((at, id));
        }
    }

    fn over(&self, now: Micros) -> impl Iterator<Item = RequestId> + '_ {
        self.by_time.iter().take_while(move |(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// The next time after now that is somebody's.
    fn next(&self, now: Micros) -> Option<Micros> {
        let later = (Micros(now.0.saturating_add(1)), RequestId(i64::MIN));
        self.by_time.range(later..).next().map(|(at, _)| *at)
    }
}

/// Adds to an explanation by when the request was to start.
pub(super) fn explained(snapshot: &Snapshot, shown: rest::Explanation) -> rest::Explanation {
    let request = snapshot.matcher.request(RequestId(shown.request_id));
    let Some(start_by) = request.and_then(|request| request.view.start_by) else { return shown };
    let now = snapshot.decided.at;
    let bound = if start_by <= now {
        let since = now.since(start_by);
        format!("It is overdue, and goes before all that are not: it was to start {since} ago.")
    } else {
        format!("It is overdue in {}, and goes before all that are not.", start_by.since(now))
    };
    rest::Explanation { summary: format!("{} {bound}", shown.summary), ..shown }
}

/// Notes which requests are overdue now and were not claimed in this pass; says when the next one
/// will be.
pub(super) async fn report(
    context: &Context,
    known: &Snapshot,
    claimed: &BTreeSet<RequestId>,
) -> Result<Option<Micros>, FarmError> {
    let now = known.decided.at;
    let over = known.bounds.over(now).filter(|id| !claimed.contains(id));
    let over: Vec<RequestId> = over.collect();
    if !over.is_empty() {
        let section = context.store.write("dispatch.overdue", move |w| w.note_overdue(&over));
        let requests = section.await?;
        tracing::info!(requests, "waited as long as they shall, and have not started");
    }
    Ok(known.bounds.next(now))
}
