//! The queue in the order in which it will be dispatched, whatever slots and locks say right now.

use std::collections::BTreeSet;

use super::Matcher;
use super::facts::Seat;
use super::keys::Moment;
use super::pass::compared;
use crate::farm::Policy;
use crate::words::{Micros, RequestId};

impl Matcher {
    /// Every pending request, by the best key it could have on a worker that accepts builds, free
    /// or not; then those that only workers could run which accept nothing at the moment; then
    /// those no known worker can run. Looks at every pair: ask a snapshot. Ages are those of the
    /// last decision; [`Matcher::order_at`] takes the time.
    #[must_use]
    pub fn order(&self, policy: &dyn Policy) -> Vec<RequestId> {
        self.order_at(policy, self.live.now())
    }

    /// The same at a time, for orders with ageing terms.
    #[must_use]
    pub fn order_at(&self, policy: &dyn Policy, now: Micros) -> Vec<RequestId> {
        let moment = Moment::of(policy, &self.world, now);
        let mut memory = self.memory.clone();
        let mut order = Vec::with_capacity(self.world.requests.len());
        let mut placed = BTreeSet::new();
        let accepting: fn(&Seat) -> bool = |seat| seat.accepting.is_ok();
        let others: fn(&Seat) -> bool = |seat| seat.accepting.is_err();
        for open in [accepting, others] {
            let mut tuples = compared(&self.world, &mut memory, &moment, open).tuples;
            tuples.sort_unstable_by(|a, b| b.cmp(a));
            let best = tuples.iter().map(super::pass::Tuple::request);
            order.extend(best.filter(|request| placed.insert(*request)));
        }
        order.extend(self.world.requests.keys().filter(|id| !placed.contains(id)));
        order
    }
}
