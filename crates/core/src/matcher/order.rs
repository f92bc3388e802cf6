//! The queue in the order in which it will be dispatched, whatever slots and locks say right now.

use std::collections::HashSet;

use super::Matcher;
use super::facts::Seat;
use super::keys::Moment;
use super::pass::compared;
use crate::farm::Policy;
use crate::words::{Micros, RequestId};

impl Matcher {
    /// Every pending request, by the best key it could have on a worker that accepts builds, free
    /// or not; then those that only workers could run which accept nothing at the moment; then
    /// those no known worker can run. Works on a copy. Ages are those of the last decision;
    /// [`Matcher::order_at`] takes the time.
    #[must_use]
    pub fn order(&self, policy: &dyn Policy) -> Vec<RequestId> {
        self.order_at(policy, self.live.now())
    }

    /// The same at a time, for orders with ageing terms.
    #[must_use]
    pub fn order_at(&self, policy: &dyn Policy, now: Micros) -> Vec<RequestId> {
        let mut copy = self.clone();
        copy.follow(policy, now);
        copy.order_now(policy, now)
    }

    /// The same once the live order has followed the facts.
    pub(super) fn order_now(&self, policy: &dyn Policy, now: Micros) -> Vec<RequestId> {
        let accepts = |name: &str| self.world.seats.get(name).is_some_and(|s| s.accepting.is_ok());
        let (first, second) = if self.live.is_mixed() {
            let first = self.by_all_pairs(policy, now, |seat| seat.accepting.is_ok());
            (first, self.by_all_pairs(policy, now, |seat| seat.accepting.is_err()))
        } else {
            (self.live.line(accepts), self.live.line(|name| !accepts(name)))
        };
        let mut placed = HashSet::with_capacity(self.world.requests.len());
        let rest = self.world.requests.keys().copied();
        let all = first.into_iter().chain(second).chain(rest);
        all.filter(|request| placed.insert(*request)).collect()
    }

    /// Best first, several times perhaps.
    fn by_all_pairs(
        &self,
        policy: &dyn Policy,
        now: Micros,
        open: fn(&Seat) -> bool,
    ) -> Vec<RequestId> {
        let moment = Moment::of(policy, &self.world, now);
        let mut memory = self.memory.clone();
        let mut tuples = compared(&self.world, &mut memory, &moment, open).tuples;
        tuples.sort_unstable_by(|a, b| b.cmp(a));
        tuples.iter().map(super::pass::Tuple::request).collect()
    }
}
