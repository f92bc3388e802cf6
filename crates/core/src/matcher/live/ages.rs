//! When ageing requests rise by themselves.

use std::collections::BTreeSet;

use super::super::facts::World;
use super::super::keys::{age, micros};
use super::live_order::{Live, With};
use super::terms::Terms;
use crate::farm::{Term, TermKind};
use crate::words::{Duration, Micros, RequestId, Value};

/// The ageing terms, and the next tick of each pending request.
#[derive(Debug, Clone, Default)]
pub(super) struct Ages {
    pub(super) terms: Vec<(usize, Duration)>,
    pub(super) ticks: BTreeSet<(Micros, RequestId)>,
}

impl Ages {
    pub(super) fn new(terms: &Terms) -> Ages {
        let aging = |(place, term): (usize, &Term)| match term.kind {
            TermKind::Aging { period } => Some((place, period)),
            _ => None,
        };
        let terms = terms.list.iter().enumerate().filter_map(aging).collect();
        Ages { terms, ticks: BTreeSet::new() }
    }

    /// The next time after `now` at which one of its terms grows.
    pub(super) fn next_tick(&self, submitted: Micros, now: Micros) -> Option<Micros> {
        self.terms.iter().map(|(_, period)| tick(*period, submitted, now)).min()
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
            let submitted = place.pending.candidate.view.submitted_at;
            let mut key = place.key.clone();
            for (at, period) in &self.ages.terms {
                let age = vec![Value::Int(age(*period, submitted, now))];
                key.set(*at, self.terms.number(*at, &age));
            }
            self.grow(id, key, self.ages.next_tick(submitted, now));
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
            return views.filter_map(|view| self.ages.next_tick(view.submitted_at, now)).min();
        }
        if self.heaps.iter().all(super::heap::Heap::is_empty) {
            return None;
        }
        self.ages.ticks.first().map(|(at, _)| (*at).max(Micros(now.0.saturating_add(1))))
    }
}
