//! Why a request is not running: its place, what keeps it from each worker, which locks it waits
//! for and who has them, and what would free it.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::eligible::labels_met;
use super::locks::{Ledger, Pool, needs, pool};
use super::pass::{compared, refused};
use super::say::say;
use super::state::{Pending, Seat};
use super::{Match, Matcher, Why};
use crate::farm::Policy;
use crate::words::{Access, Micros, RequestId};

/// The answer to "why not now?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The request asked about.
    pub request: RequestId,
    /// Its place in dispatch order, from 1, slots and locks left aside.
    pub place: usize,
    /// How many requests are pending.
    pub pending: usize,
    /// What it comes down to.
    pub verdict: Verdict,
    /// The same as a sentence or two.
    pub text: String,
    /// Every known worker that does not take it, grouped by what is in the way.
    pub workers: Vec<WorkerGroup>,
    /// The locks it wants where it could run.
    pub locks: Vec<LockUse>,
    /// What would let it run; any one of them.
    pub remedies: Vec<String>,
}

/// What an explanation comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is in the way: it is about to be offered.
    Next {
        /// To this worker.
        worker: String,
        /// After so many others.
        after: usize,
    },
    /// A worker has a free slot for it; locks are in the way.
    WaitsForLocks,
    /// Workers that may run it are busy.
    WaitsForSlot,
    /// Workers that may run it accept nothing, or have not connected yet.
    WaitsForWorker,
    /// The policy keeps it from every worker that could run it.
    RefusedByPolicy,
    /// No worker the farm knows or admits can ever run it.
    Never,
}

impl Verdict {
    /// The word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Verdict::Next { .. } => "next",
            Verdict::WaitsForLocks => "waits_for_locks",
            Verdict::WaitsForSlot => "waits_for_slot",
            Verdict::WaitsForWorker => "waits_for_worker",
            Verdict::RefusedByPolicy => "refused_by_policy",
            Verdict::Never => "never",
        }
    }
}

/// Workers the same predicate excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerGroup {
    /// The predicate.
    pub why: Why,
    /// The workers, by name.
    pub workers: Vec<String>,
}

/// A lock the request wants, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockUse {
    /// Its name.
    pub lock: String,
    /// The worker whose units these are; absent for a farm-wide lock.
    pub worker: Option<String>,
    /// How much is wanted.
    pub wanted: Access,
    /// How many units there are.
    pub capacity: i64,
    /// Who holds how much.
    pub holders: Vec<Share>,
    /// For which requests ahead how much is kept back.
    pub reserved: Vec<Share>,
    /// Whether it is grantable now.
    pub grantable: bool,
}

/// Somebody's part of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// A holding's `by`, or `request 12`.
    pub by: String,
    /// How much.
    pub access: Access,
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
        self.world.requests.get(&request)?;
        let order = self.order(policy);
        let place = order.iter().position(|r| *r == request)? + 1;
        let mut scene = self.clone();
        let started = scene.run_until(request, policy, now);
        let (groups, locks) = scene.obstacles(request, policy)?;
        let verdict = match started {
            Some((found, after)) => Verdict::Next { worker: found.worker, after },
            None => scene.verdict(request, &groups),
        };
        let mut explanation = Explanation {
            request,
            place,
            pending: order.len(),
            remedies: remedies(&verdict, &groups),
            verdict,
            text: String::new(),
            workers: groups,
            locks,
        };
        explanation.text = say(&explanation);
        Some(explanation)
    }

    /// Dispatches until the request's turn comes or nothing more can start.
    fn run_until(
        &mut self,
        request: RequestId,
        policy: &dyn Policy,
        now: Micros,
    ) -> Option<(Match, usize)> {
        let mut after = 0;
        loop {
            let found = self.next(policy, now)?;
            if found.request == request {
                return Some((found, after));
            }
            self.take(&found);
            after += 1;
        }
    }

    /// What keeps the request from each worker, and the locks it wants where it could run.
    fn obstacles(
        &mut self,
        request: RequestId,
        policy: &dyn Policy,
    ) -> Option<(Vec<WorkerGroup>, Vec<LockUse>)> {
        let world = &self.world;
        let pending = world.requests.get(&request)?;
        let mut groups: BTreeMap<Why, Vec<String>> = BTreeMap::new();
        let mut put = |why, worker: &str| groups.entry(why).or_default().push(worker.to_owned());
        for (name, seat) in &world.seats {
            let refused = refused(world, &mut self.memory, policy, (pending, seat));
            if let Some(why) = refused.or_else(|| busy(seat)) {
                put(why, name);
            }
        }
        let open = |seat: &Seat| busy(seat).is_none();
        let compared = compared(world, &mut self.memory, policy, open);
        for (_, worker, why) in compared.mixed.iter().filter(|(mixed, ..)| *mixed == request) {
            put(why.clone(), worker);
        }
        let mut ledger = Ledger::new(&world.locks, &world.holdings);
        let mut queue = BinaryHeap::from(compared.tuples);
        let mut uses = BTreeMap::new();
        while let Some(tuple) = queue.pop() {
            let locks = &world.requests.get(&tuple.request())?.candidate.recipe.locks;
            let blocking = ledger.blocking(tuple.request(), tuple.worker(), locks);
            if tuple.request() == request {
                self.note_uses(&ledger, (pending, tuple.worker()), &blocking, &mut uses);
            }
            if blocking.is_empty() {
                // Only the request itself can be startable here: all others are dispatched.
                continue;
            }
            if tuple.request() == request {
                put(Why::Locks { locks: blocking }, tuple.worker());
            }
            ledger.reserve(tuple.request(), tuple.worker(), locks);
        }
        if uses.is_empty() {
            self.note_farm_wide(&ledger, pending, &mut uses);
        }
        let groups = groups.into_iter().map(|(why, workers)| WorkerGroup { why, workers });
        Some((groups.collect(), uses.into_values().collect()))
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
            let found = self.lock_use(ledger, &pool, (pending, worker), (wanted, grantable));
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
        ledger: &Ledger<'_>,
        pool_wanted: &Pool,
        (pending, worker): (&Pending, &str),
        (wanted, grantable): (Access, bool),
    ) -> LockUse {
        let (lock, of) = pool_wanted;
        let mut holders = Vec::new();
        for holding in &self.world.holdings {
            for held in holding.locks.iter().filter(|held| held.lock == *lock) {
                if of.as_ref().is_none_or(|of| *of == holding.worker) {
                    holders.push(Share { by: holding.by.clone(), access: held.access });
                }
            }
        }
        let others = ledger.reservations(pool_wanted).filter(|r| r.0 != pending.candidate.view.id);
        let reserved = others.map(|(by, access)| Share { by: format!("request {by}"), access });
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
        } else if any(|why| matches!(why, Why::NoFreeSlot)) {
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
            if self.world.seats.contains_key(&spec.name) && !spec.pattern {
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
                .is_some_and(|pin| !spec.admits(pin) || self.world.seats.contains_key(pin));
            labels_met(recipe, &spec.labels).is_ok() && !pinned_elsewhere
        })
    }
}

/// Why a worker that could run it does not take anything now.
fn busy(seat: &Seat) -> Option<Why> {
    match &seat.accepting {
        Err(not_now) => Some(Why::NotNow(not_now.clone())),
        Ok(()) if !seat.has_free_slot() => Some(Why::NoFreeSlot),
        Ok(()) => None,
    }
}

/// The remedies of the groups nearest to running it.
fn remedies(verdict: &Verdict, groups: &[WorkerGroup]) -> Vec<String> {
    let near = |why: &Why| match verdict {
        Verdict::Next { .. } => false,
        Verdict::WaitsForLocks => matches!(why, Why::Locks { .. } | Why::NoFreeSlot),
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
