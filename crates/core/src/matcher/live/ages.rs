//! When requests rise by themselves, as time goes by: they age, or become overdue.

use std::collections::BTreeSet;

use super::super::facts::World;
use super::super::keys::{age, micros, overdue};
use super::live_order::{Live, With};
use super::terms::Terms;
use crate::farm::{RequestView, Term, TermKind};
use crate::words::{Duration, Micros, RequestId};

/// The terms that time alone changes, and the next tick of each pending request.
#[derive(Debug, Clone, Default)]
pub(super) struct Ages {
    terms: Vec<(usize, Grows)>,
    pub(super) ticks: BTreeSet<(Micros, RequestId)>,
}

/// How such a term grows.
#[derive(Debug, Clone, Copy)]
enum Grows {
    /// By one after each such time.
    Age(Duration),
    /// Once.
    Overdue,
}

impl Grows {
    fn next(self, view: &RequestView, now: Micros) -> Option<Micros> {
        match self {
            Grows::Age(period) => Some(tick(period, view.submitted_at, now)),
            Grows::Overdue => view.start_by.filter(|at| *at > now),
        }
    }

    fn value(self, view: &RequestView, now: Micros) -> i64 {
        match self {
            Grows::Age(period) => age(period, view.submitted_at, now),
            Grows::Overdue => overdue(view.start_by, now),
        }
    }
}

impl Ages {
    pub(super) fn new(terms: &Terms) -> Ages {
        let grows = |(place, term): (usize, &Term)| match term.kind {
            TermKind::Aging { period } => Some((place, Grows::Age(period))),
            TermKind::Overdue => Some((place, Grows::Overdue)),
            _ => None,
        };
        let terms = terms.list.iter().enumerate().filter_map(grows).collect();
        Ages { terms, ticks: BTreeSet::new() }
    }

    /// The next time after `now` at which one of its terms grows.
    pub(super) fn next_tick(&self, view: &RequestView, now: Micros) -> Option<Micros> {
        self.terms.iter().filter_map(|(_, grows)| grows.next(view, now)).min()
    }
}

fn tick(period: Duration, submitted: Micros, now: Micros) -> Micros {
    let grown = age(period, submitted, now).saturating_add(1);
    Micros(submitted.0.saturating_add(grown.saturating_mul(micros(period))))
}

impl Live {
    /// Requests whose tick has come rank higher from now on.
    pub(super) fn tick(&mut self, with: &mut With<'_>) {
        let now = with.moment.now;
        while let Some((at, id)) = self.ages.ticks.first().copied().filter(|(at, _)| *at <= now) {
            self.ages.ticks.remove(&(at, id));
            let Some(place) = self.places.get(&id) else { continue };
            let pending = place.pending.clone();
            let view = &pending.candidate.view;
            let mut key = place.key.clone();
            for (at, grows) in &self.ages.terms {
                key.set(*at, self.terms.whole(*at, grows.value(view, now)));
            }
            self.grow(id, key, self.ages.next_tick(view, now));
        }
    }

    /// The next tick that could start something. None while no request waits for nothing but locks:
    /// then a request that rises passes others, and no tuple becomes feasible by that.
    pub(in super::super) fn next_wake(&self, world: &World, now: Micros) -> Option<Micros> {
        if self.ages.terms.is_empty() {
            return None;
        }
        if self.is_mixed() {
            let views = world.requests.values().map(|pending| &pending.candidate.view);
            return views.filter_map(|view| self.ages.next_tick(view, now)).min();
        }
        if self.heaps.is_empty() {
            return None;
        }
        self.ages.ticks.first().map(|(at, _)| (*at).max(Micros(now.0.saturating_add(1))))
    }
}
