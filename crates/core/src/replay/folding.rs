//! Collapse at creation, asked of the policy that is tried.

use super::scene::{Scene, Waiting, place};
use super::{Arrival, Fate};
use crate::farm::RequestView;
use crate::trigger::{Newcomer, alike};
use crate::words::{Properties, RequestId, SourceStamp};

impl<'w> Scene<'w> {
    /// A new request first absorbs the older ones the policy lets it absorb.
    pub(super) fn arrive(&mut self, arrival: &'w Arrival) {
        let mut newer = Waiting { arrival, view: arrival.view.clone() };
        let mut absorbed = Vec::new();
        for older in self.places.get(&place(arrival)).into_iter().flatten() {
            let older = &self.pending[older];
            if may_absorb(arrival, older.arrival) && self.wants_collapse(&older.view, &arrival.view)
            {
                absorbed.push(older.view.id);
            }
        }
        for older in absorbed {
            let Some(older) = self.forget(older) else { continue };
            newer.view.priority = newer.view.priority.max(older.view.priority);
            newer.view.submitted_at = newer.view.submitted_at.min(older.view.submitted_at);
            let start_by = newer.view.start_by.into_iter().chain(older.view.start_by);
            newer.view.start_by = start_by.min();
            let fate = Fate::Folded { into: newer.view.id };
            self.report.others.insert(older.view.id, (older.view.builder.to_string(), fate));
            // What the older one had absorbed moves along.
            let mut moved = self.folded.remove(&older.view.id).unwrap_or_default();
            for one in &moved {
                let fate = Fate::Folded { into: newer.view.id };
                self.report.others.insert(one.view.id, (one.view.builder.to_string(), fate));
            }
            moved.push(older);
            self.folded.entry(newer.view.id).or_default().append(&mut moved);
        }
        self.wait(newer);
    }

    fn wants_collapse(&self, older: &RequestView, newer: &RequestView) -> bool {
        // The farm asks before the new request has a number.
        let unnumbered = RequestView { id: RequestId(0), ..newer.clone() };
        let answer = self.policy.collapse(older, &unnumbered);
        answer.is_some_and(|answer| answer.value == Ok(true))
    }

    /// What was folded into a request that is taken back alone waits again.
    pub(super) fn withdraw(&mut self, request: RequestId) {
        let Some(waiting) = self.forget(request) else { return };
        let fate = Fate::Withdrawn { at: self.now };
        self.report.others.insert(request, (waiting.view.builder.to_string(), fate));
        for older in self.folded.remove(&request).unwrap_or_default() {
            self.report.others.remove(&older.view.id);
            self.wait(older);
        }
    }
}

/// The farm's own rule, on arrivals.
fn may_absorb(newer: &Arrival, older: &Arrival) -> bool {
    let (new, old) = (told(&newer.view), told(&older.view));
    alike(&newcomer(newer, &new), &newcomer(older, &old))
}

/// Its stamp, if it has code, and its properties.
fn told(view: &RequestView) -> (Option<SourceStamp>, Properties) {
    let [repository, branch, revision] =
        [&view.repository, &view.branch, &view.revision].map(|text| text.to_string());
    let stamp = SourceStamp { repository, branch, revision };
    (Some(stamp).filter(|stamp| !stamp.repository.is_empty()), (&view.properties).into())
}

fn newcomer<'a>(
    arrival: &'a Arrival,
    (stamp, properties): &'a (Option<SourceStamp>, Properties),
) -> Newcomer<'a> {
    Newcomer {
        builder: &arrival.view.builder,
        stamp: stamp.as_ref(),
        properties,
        pinned_worker: arrival.recipe.pinned.as_deref(),
    }
}
