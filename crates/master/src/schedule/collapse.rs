//! Collapse at creation: the policy is asked before the section, history is asked again inside it.

use steading_core::farm::RequestView;
use steading_core::matcher::FaultReport;
use steading_core::trigger::{Newcomer, may_absorb};
use steading_core::words::{Micros, Request, RequestId};
use steading_store::{Error, NewBuildset, NewRequest, Submitted, Write};

use crate::context::Context;
use crate::dispatch::note_faults;
use crate::farms::Present;

/// A pending request that folds into one of the buildset's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fold {
    older: RequestId,
    /// The place of the survivor among the new requests.
    newer: usize,
}

impl Fold {
    /// Folds, unless the older one is no longer pending: then it builds by itself.
    pub(super) fn carry_out(self, w: &mut Write<'_>, submitted: &Submitted) -> Result<(), Error> {
        let Some(survivor) = submitted.requests.get(self.newer) else { return Ok(()) };
        match w.collapse(self.older, *survivor) {
            Err(Error::Stale(_) | Error::Illegal(_)) => Ok(()),
            other => other,
        }
    }
}

/// What the farm's policy wants folded into these new requests; nothing where it does not say.
pub(super) async fn folds(
    context: &Context,
    present: &Present,
    buildset: &NewBuildset,
) -> Vec<Fold> {
    if !present.policy.collapses() {
        return Vec::new();
    }
    let builders: Vec<String> = buildset.requests.iter().map(|new| new.builder.clone()).collect();
    let read = context.store.read(move |r| Ok((r.pending_of(&builders)?, r.now())));
    let Ok((pending, now)) = read.await else { return Vec::new() };
    let mut candidates = Vec::new();
    for (newer, request) in buildset.requests.iter().enumerate() {
        let newcomer = newcomer(buildset, request);
        for older in pending.iter().filter(|older| may_absorb(&newcomer, older)) {
            let views = (RequestView::from(older.clone()), view(buildset, request, now));
            candidates.push((Fold { older: older.id, newer }, views));
        }
    }
    if candidates.is_empty() {
        return Vec::new();
    }
    let policy = present.policy.clone();
    let asking = steading_store::off_thread(move || {
        let (mut folds, mut faults) = (Vec::new(), Vec::new());
        for (fold, (older, newer)) in candidates {
            match policy.collapse(&older, &newer).map(|answer| answer.value) {
                Some(Ok(true)) => folds.push(fold),
                Some(Err(fault)) => faults.push(failed(&older, fault.message)),
                Some(Ok(false)) | None => {}
            }
        }
        (folds, faults)
    });
    let (folds, faults) = asking.await.unwrap_or_default();
    if let Err(error) = note_faults(context, present.id, faults).await {
        tracing::error!("cannot note that the policy's `collapse` failed: {error}");
    }
    folds
}

fn failed(older: &RequestView, message: String) -> FaultReport {
    let (function, seen, worker) = ("collapse".to_owned(), String::new(), String::new());
    FaultReport { function, message, seen, request: older.id, worker }
}

fn newcomer<'a>(buildset: &'a NewBuildset, request: &'a NewRequest) -> Newcomer<'a> {
    Newcomer {
        builder: &request.builder,
        stamp: buildset.stamps.first(),
        properties: &request.properties,
        pinned_worker: request.pinned_worker.as_deref(),
    }
}

/// The new request as the policy sees it. It has no number yet: its id is 0.
fn view(buildset: &NewBuildset, request: &NewRequest, now: Micros) -> RequestView {
    RequestView::from(Request {
        id: RequestId(0),
        buildset_id: steading_core::words::BuildsetId(0),
        builder: request.builder.clone(),
        priority: request.priority,
        state: steading_core::words::RequestState::Pending,
        epoch: 0,
        stamp: buildset.stamps.first().cloned(),
        properties: request.properties.clone(),
        owner: buildset.owner.clone(),
        reason: buildset.reason.clone(),
        pinned_worker: request.pinned_worker.clone(),
        configuration_id: buildset.configuration_id,
        submitted_at: now,
        start_by: None,
        overdue_at: None,
        build_id: None,
        collapsed_into: None,
        outcome: None,
    })
}
