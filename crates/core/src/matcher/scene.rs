//! A moment, looked at as a whole: the queue in order, and what stands in the way of whom. What
//! several explanations of one moment have in common is worked out once.

use std::collections::{BTreeMap, HashMap};

use super::explain::{Obstacles, busy};
use super::facts::{Memory, Pending, Seat};
use super::keys::Moment;
use super::live::{Lines, Spare};
use super::pass::refused;
use super::{Backfill, Explanation, Matcher, Verdict, Why};
use crate::farm::Policy;
use crate::words::{Micros, RequestId};

/// What [`Matcher::look`] saw. It is true of the matcher that looked, until that is told something.
#[derive(Debug)]
pub struct Scene {
    now: Micros,
    order: Vec<RequestId>,
    /// From 1; never walked.
    places: HashMap<RequestId, usize>,
    /// To which worker, after how many others, and whom it passes.
    started: HashMap<RequestId, (String, usize, Option<Backfill>)>,
    /// The farm when everything that can start has started.
    after: Matcher,
    lines: Lines,
    /// What is kept back, and until when: worked out when first asked for.
    spare: Option<Spare>,
    /// What keeps a request class from each worker, by whether its requests start.
    refusals: BTreeMap<(bool, u32), BTreeMap<Why, Vec<String>>>,
}

impl Scene {
    /// The time it was looked at.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Every pending request, in the order of [`Matcher::order`].
    #[must_use]
    pub fn order(&self) -> &[RequestId] {
        &self.order
    }
}

impl Matcher {
    /// Looks at the queue as it is at that time. Costs a copy of the matcher, and as much as
    /// starting all that can start.
    #[must_use]
    pub fn look(&mut self, policy: &dyn Policy, now: Micros) -> Scene {
        self.follow(policy, now);
        let order = self.order_now(policy, now);
        let places = order.iter().enumerate().map(|(place, id)| (*id, place + 1)).collect();
        let mut after = self.clone();
        let mut started = HashMap::new();
        while let Some(found) = after.next(policy, now) {
            after.take(&found);
            started.insert(found.request, (found.worker, started.len(), found.backfill));
        }
        if after.waiting().next().is_some() {
            after.show_waiting();
            after.follow(policy, now);
        }
        let (lines, refusals) = (Lines::default(), BTreeMap::new());
        Scene { now, order, places, started, after, lines, spare: None, refusals }
    }

    /// Why pending requests are not running, in the order asked; those that are not pending here
    /// are left out. What would be dispatched right now counts as dispatched. Ask the matcher that
    /// looked, before it is told anything else.
    #[must_use]
    pub fn explain_in(
        &self,
        scene: &mut Scene,
        requests: &[RequestId],
        policy: &dyn Policy,
    ) -> Vec<Explanation> {
        let mut obstacles = scene.of_locks(requests, policy);
        let mut all = Vec::new();
        for request in requests {
            let Some(place) = scene.places.get(request).copied() else { continue };
            let mut found = obstacles.remove(request).unwrap_or_default();
            for (why, workers) in scene.refusals(self, *request, policy) {
                found.groups.entry(why).or_default().extend(workers);
            }
            let starts = scene.started.get(request);
            let backfill = match starts {
                Some((_, _, backfill)) => backfill.map(Ok),
                None => {
                    let spare = (&mut scene.spare, scene.now);
                    scene.after.not_backfilled(*request, policy, spare).map(Err)
                }
            };
            let verdict = starts.map(|(worker, after, _)| {
                let (worker, after) = (worker.clone(), *after);
                Verdict::Next { worker, after }
            });
            let of = (*request, place, scene.order.len());
            all.push(scene.after.explanation(of, (verdict, backfill), found));
        }
        all
    }
}

impl Scene {
    /// The locks that keep requests from free workers.
    fn of_locks(
        &mut self,
        requests: &[RequestId],
        policy: &dyn Policy,
    ) -> BTreeMap<RequestId, Obstacles> {
        let waiting = requests.iter().filter(|request| !self.started.contains_key(request));
        let waiting: Vec<RequestId> = waiting.copied().collect();
        let after = &mut self.after;
        if after.live.is_mixed() {
            let moment = Moment::of(policy, &after.world, self.now);
            let mut memory = after.memory.clone();
            return after.walk(&mut memory, &waiting, &moment);
        }
        let of = |id: &RequestId| (*id, after.waits(*id, &mut self.lines));
        waiting.iter().map(of).collect()
    }

    /// The workers that do not take a request whatever the locks say.
    fn refusals(
        &mut self,
        before: &Matcher,
        request: RequestId,
        policy: &dyn Policy,
    ) -> BTreeMap<Why, Vec<String>> {
        let starts = self.started.contains_key(&request);
        let mut memory = std::mem::take(&mut self.after.memory);
        let from = if starts { before } else { &self.after };
        let class = from.live.class_of_request(request).filter(|_| !from.live.is_mixed());
        let class = class.map(|class| (starts, class));
        let known = class.and_then(|class| self.refusals.get(&class).cloned());
        let found = known.unwrap_or_else(|| {
            // Only whether it may run there is asked, and no count of builds changes that.
            let moment = Moment::uncounted(policy, self.now);
            from.refusals(request, class.is_some(), (&mut memory, &moment))
        });
        if let Some(class) = class {
            self.refusals.entry(class).or_insert_with(|| found.clone());
        }
        self.after.memory = memory;
        found
    }
}

impl Matcher {
    /// By what keeps the request from them; workers of one class look alike to its class.
    fn refusals(
        &self,
        request: RequestId,
        by_class: bool,
        (memory, moment): (&mut Memory, &Moment<'_>),
    ) -> BTreeMap<Why, Vec<String>> {
        let mut groups: BTreeMap<Why, Vec<String>> = BTreeMap::new();
        let Some(pending) = self.world.requests.get(&request) else { return groups };
        let by_class = by_class.then(|| self.live.class_of_request(request)).flatten();
        let mut known: HashMap<u32, Option<Why>> = HashMap::new();
        let mut ask =
            |pending: &Pending, seat: &Seat| refused(&self.world, memory, moment, (pending, seat));
        for seat in self.world.seats.values() {
            let name = &seat.view.name;
            let why = match by_class.zip(self.live.class_of_worker(name)) {
                Some((request, worker)) if self.live.may_meet(request, worker) => None,
                Some((_, class)) => {
                    known.entry(class).or_insert_with(|| ask(pending, seat)).clone()
                }
                None => ask(pending, seat),
            };
            if let Some(why) = why.or_else(|| busy(seat)) {
                groups.entry(why).or_default().push(name.clone());
            }
        }
        groups
    }
}
