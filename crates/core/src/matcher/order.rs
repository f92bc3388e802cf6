//! The queue in the order in which it will be dispatched, whatever slots and locks say right now.

use std::collections::BTreeSet;

use super::Matcher;
use super::pass::compared;
use super::state::Seat;
use crate::farm::Policy;
use crate::words::RequestId;

impl Matcher {
    /// Every pending request, by the best key it could have on a worker that accepts builds, free
    /// or not; then those that only workers could run which accept nothing at the moment; then
    /// those no known worker can run. Looks at every pair: ask a snapshot.
    #[must_use]
    pub fn order(&self, policy: &dyn Policy) -> Vec<RequestId> {
        let mut memory = self.memory.clone();
        let mut order = Vec::with_capacity(self.world.requests.len());
        let mut placed = BTreeSet::new();
        let accepting: fn(&Seat) -> bool = |seat| seat.accepting.is_ok();
        let others: fn(&Seat) -> bool = |seat| seat.accepting.is_err();
        for open in [accepting, others] {
            let mut tuples = compared(&self.world, &mut memory, policy, open).tuples;
            tuples.sort_unstable_by(|a, b| b.cmp(a));
            let best = tuples.iter().map(super::pass::Tuple::request);
            order.extend(best.filter(|request| placed.insert(*request)));
        }
        order.extend(self.world.requests.keys().filter(|id| !placed.contains(id)));
        order
    }
}
