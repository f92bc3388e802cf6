//! Why requests are not running: their place, what keeps them from each worker, which locks they
//! wait for and who has them, and what would free them.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::eligible::labels_met;
use super::facts::{Memory, Pending, Seat};
use super::keys::Moment;
use super::live::{Lines, Want};
use super::locks::{Ledger, Pool, needs, pool};
use super::pass::compared;
use super::say::say;
use super::{
    Backfill, Explanation, LockUse, Matcher, NoBackfill, Share, Verdict, Why, WorkerGroup,
};
use crate::farm::Policy;
use crate::words::{Access, Micros, RequestId};

/// What keeps one request from workers.
#[derive(Debug, Default)]
pub(super) struct Obstacles {
    pub(super) groups: BTreeMap<Why, Vec<String>>,
    uses: BTreeMap<Pool, LockUse>,
}

impl Obstacles {
    fn put(&mut self, why: Why, worker: &str) {
        self.groups.entry(why).or_default().push(worker.to_owned());
    }
}

impl Matcher {
    /// Why a pending request is not running; `None` when it is not pending here. What would be
    /// dispatched right now counts as dispatched. Works on a copy, never on this matcher.
    #[must_use]
    pub fn explain(
        &self,
        request: RequestId,
        policy: &dyn Policy,
        now: Micros,
    ) -> Option<Explanation> {
        self.explain_all(&[request], policy, now).pop()
    }

    /// The same for many requests at the cost of hardly more than one, in the order asked; those
    /// that are not pending here are left out.
    #[must_use]
    pub fn explain_all(
        &self,
        requests: &[RequestId],
        policy: &dyn Policy,
        now: Micros,
    ) -> Vec<Explanation> {
        let mut copy = self.clone();
        let mut scene = copy.look(policy, now);
        copy.explain_in(&mut scene, requests, policy)
    }

    /// An explanation of what was found; without a verdict, it follows from that.
    pub(super) fn explanation(
        &self,
        (request, place, pending): (RequestId, usize, usize),
        (verdict, backfill): (Option<Verdict>, Option<Result<Backfill, NoBackfill>>),
        found: Obstacles,
    ) -> Explanation {
        let groups = found.groups.into_iter();
        let groups: Vec<_> = groups.map(|(why, workers)| WorkerGroup { why, workers }).collect();
        let verdict = verdict.unwrap_or_else(|| self.verdict(request, &groups));
        let mut explanation = Explanation {
            request,
            place,
            pending,
            remedies: remedies(&verdict, &groups),
            verdict,
            text: String::new(),
            workers: groups,
            locks: found.uses.into_values().collect(),
            backfill,
        };
        explanation.text = say(&explanation);
        explanation
    }

    /// The locks in the way of a request on a farm where nothing can start any more.
    pub(super) fn waits(&self, request: RequestId, lines: &mut Lines) -> Obstacles {
        let mut found = Obstacles::default();
        for wait in self.live.waits(&self.world, request, lines) {
            let blocking = wait.wants.iter().filter(|want| !want.grantable);
            let locks = blocking.map(|want| want.pool.0.clone()).collect();
            found.put(Why::Locks { locks }, &wait.worker);
            for want in wait.wants {
                let told = || self.told(&wait.worker, want.clone());
                found.uses.entry(want.pool.clone()).or_insert_with(told);
            }
        }
        if found.uses.is_empty() {
            for want in self.live.wants_of_farm(&self.world, request, lines) {
                found.uses.insert(want.pool.clone(), self.told("", want));
            }
        }
        found
    }

    fn told(&self, worker: &str, want: Want) -> LockUse {
        let ahead = want.ahead.into_iter();
        self.lock_use(&want.pool, worker, (want.access, want.grantable), ahead)
    }

    /// Visits all tuples as `next` does: nothing can start, so each is blocked by locks; notes
    /// which and who has them for the requests asked about.
    pub(super) fn walk(
        &self,
        memory: &mut Memory,
        asked: &[RequestId],
        moment: &Moment<'_>,
    ) -> BTreeMap<RequestId, Obstacles> {
        let world = &self.world;
        let compared = compared(world, memory, moment, Seat::is_open);
        let asked: BTreeSet<RequestId> = asked.iter().copied().collect();
        let mut all: BTreeMap<RequestId, Obstacles> = BTreeMap::new();
        for (request, worker, why) in compared.mixed {
            all.entry(request).or_default().put(why, worker);
        }
        let mut ledger = Ledger::new(&world.locks, world.books.holdings());
        let mut queue = BinaryHeap::from(compared.tuples);
        while let Some(tuple) = queue.pop() {
            let (request, worker) = (tuple.request(), tuple.worker());
            let Some(pending) = world.requests.get(&request) else { continue };
            let locks = &pending.candidate.recipe.locks;
            if asked.contains(&request) {
                let blocking = ledger.blocking(request, worker, locks);
                let found = all.entry(request).or_default();
                self.note_uses(&ledger, (pending, worker), &blocking, &mut found.uses);
                found.put(Why::Locks { locks: blocking }, worker);
            }
            ledger.reserve(request, worker, locks);
        }
        for request in asked {
            let found = all.entry(request).or_default();
            if let Some(pending) = world.requests.get(&request).filter(|_| found.uses.is_empty()) {
                self.note_farm_wide(&ledger, pending, &mut found.uses);
            }
        }
        all
    }

    fn note_uses(
        &self,
        ledger: &Ledger<'_>,
        (pending, worker): (&Pending, &str),
        blocking: &[String],
        uses: &mut BTreeMap<Pool, LockUse>,
    ) {
        for (lock, wanted) in needs(&pending.candidate.recipe.locks) {
            let Some(pool) = pool(&self.world.locks, lock, worker) else { continue };
            let grantable = !blocking.iter().any(|b| b == lock);
            let id = pending.candidate.view.id;
            let others = ledger.reservations(&pool).filter(|r| r.0 != id);
            let found = self.lock_use(&pool, worker, (wanted, grantable), others);
            uses.entry(pool).or_insert(found);
        }
    }

    /// No worker is open to it: its farm-wide locks are still worth showing.
    fn note_farm_wide(
        &self,
        ledger: &Ledger<'_>,
        pending: &Pending,
        uses: &mut BTreeMap<Pool, LockUse>,
    ) {
        let (id, locks) = (pending.candidate.view.id, &pending.candidate.recipe.locks);
        let blocking = ledger.blocking(id, "", locks);
        self.note_uses(ledger, (pending, ""), &blocking, uses);
        uses.retain(|(_, worker), _| worker.is_none());
    }

    fn lock_use(
        &self,
        pool: &Pool,
        worker: &str,
        (wanted, grantable): (Access, bool),
        ahead: impl Iterator<Item = (RequestId, Access)>,
    ) -> LockUse {
        let (lock, of) = pool;
        let mut holders = Vec::new();
        for holding in self.world.books.holders(pool) {
            for held in holding.takes().filter(|held| held.lock == *lock) {
                holders.push(Share { by: holding.by.clone(), access: held.access });
            }
        }
        let reserved = ahead.map(|(by, access)| Share { by: format!("request {by}"), access });
        LockUse {
            lock: lock.clone(),
            worker: of.clone(),
            wanted,
            capacity: self.world.locks.get(lock).map_or(0, |l| l.units(worker)),
            holders,
            reserved: reserved.collect(),
            grantable,
        }
    }

    fn verdict(&self, request: RequestId, groups: &[WorkerGroup]) -> Verdict {
        let any = |test: fn(&Why) -> bool| groups.iter().any(|group| test(&group.why));
        if any(|why| matches!(why, Why::Locks { .. })) {
            Verdict::WaitsForLocks
        } else if any(|why| matches!(why, Why::NoFreeSlot | Why::MaxBuilds { .. })) {
            Verdict::WaitsForSlot
        } else if any(|why| matches!(why, Why::NotNow(_))) {
            Verdict::WaitsForWorker
        } else if any(|why| matches!(why, Why::PolicyNo | Why::PolicyFault { .. })) {
            Verdict::RefusedByPolicy
        } else if self.may_yet_come(request) {
            Verdict::WaitsForWorker
        } else {
            Verdict::Never
        }
    }

    /// Whether a worker that the farm declares or admits, and has not met yet, could run it.
    fn may_yet_come(&self, request: RequestId) -> bool {
        let Some(pending) = self.world.requests.get(&request) else { return false };
        let recipe = &pending.candidate.recipe;
        self.world.declared.iter().any(|spec| {
            if self.world.seats.get(&spec.name).is_some() && !spec.pattern {
                return false;
            }
            if !spec.pattern {
                let labels = &spec.labels;
                return super::eligible::eligible(recipe, &spec.name, labels, &self.world.locks)
                    .is_ok();
            }
            let pinned_elsewhere = recipe
                .pinned
                .as_ref()
                .is_some_and(|pin| !spec.admits(pin) || self.world.seats.get(pin).is_some());
            labels_met(recipe, &spec.labels).is_ok() && !pinned_elsewhere
        })
    }
}

/// Why a worker that could run it does not take anything now.
pub(super) fn busy(seat: &Seat) -> Option<Why> {
    match &seat.accepting {
        Err(not_now) => Some(Why::NotNow(not_now.clone())),
        Ok(()) if !seat.has_free_slot() => Some(Why::NoFreeSlot),
        Ok(()) if !seat.may_run_more() => seat.most.map(|most| Why::MaxBuilds { most }),
        Ok(()) => None,
    }
}

/// The remedies of the groups nearest to running it.
fn remedies(verdict: &Verdict, groups: &[WorkerGroup]) -> Vec<String> {
    let near = |why: &Why| match verdict {
        Verdict::Next { .. } => false,
        Verdict::WaitsForLocks => {
            matches!(why, Why::Locks { .. } | Why::NoFreeSlot | Why::MaxBuilds { .. })
        }
        Verdict::Never => true,
        _ => !why.is_lasting(),
    };
    let all: BTreeSet<String> =
        groups.iter().filter(|g| near(&g.why)).map(|g| g.why.remedy()).collect();
    let mut all: Vec<String> = all.into_iter().collect();
    if all.is_empty() && *verdict == Verdict::WaitsForWorker {
        all.push("a declared worker connecting".to_owned());
    }
    all
}
