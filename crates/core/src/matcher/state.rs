//! What the matcher is told, by plain calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::backfill::Paces;
use super::books::{Books, Declared, Held, HoldingId, Of};
use super::facts::{Memory, Moved, Pending, Seat, Seats, World};
use super::keys::{FaultReport, Moment};
use super::limits::{Limits, limited, locks};
use super::live::{Kept, Live};
use super::{Candidate, Holding, Match, NotNow, Size, Start};
use crate::farm::{Farm, Policy, RequestView, WorkerView};
use crate::words::{Micros, RequestId};

/// Pending requests, workers, and who holds what. Clone it to explain or to replay.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub(super) world: World,
    pub(super) memory: Memory,
    pub(super) live: Live,
    pub(super) paces: Paces,
    /// How many pairs of new classes may still be looked at.
    pub(super) slice: usize,
}

impl Matcher {
    /// A matcher that knows the farm's locks and worker declarations, no requests and no workers.
    #[must_use]
    pub fn new(farm: &Farm) -> Matcher {
        let world = World {
            locks: locks(farm),
            declared: farm.workers.clone(),
            limits: Limits::of(farm),
            requests: BTreeMap::new(),
            seats: Seats::default(),
            told: 0,
            waiting: BTreeMap::new(),
            books: Books::default(),
            recipes: HashMap::default(),
            moved: Moved::default(),
        };
        let (memory, live, paces) = (Memory::default(), Live::default(), Paces::default());
        Matcher { world, memory, live, paces, slice: usize::MAX }
    }

    /// Keeps so many classes of requests, and of workers, without members for members to come,
    /// instead of thousands: for tests of what happens to those that are not kept.
    pub fn keep_empty_classes(&mut self, most: usize) {
        self.live = Live::keeping(Kept(most));
    }

    /// The farm has a new configuration, and so a new policy: keeps requests, workers and holdings,
    /// forgets every answer of the old policy.
    pub fn reconfigure(&mut self, farm: &Farm) {
        self.world.locks = locks(farm);
        self.world.declared.clone_from(&farm.workers);
        self.world.limits = Limits::of(farm);
        let declared = Declared { locks: &self.world.locks, limits: &self.world.limits };
        self.world.books.refile(declared);
        let names: Vec<String> = self.world.seats.names().cloned().collect();
        for name in &names {
            let most = self.world.limits.most(name);
            if let Some(seat) = self.world.seats.get_mut(name) {
                seat.most = most;
            }
        }
        self.memory = Memory::default();
        self.live = Live::keeping(self.live.kept());
        for pending in std::mem::take(&mut self.world.requests).into_values() {
            self.add_request(pending.candidate.clone());
        }
    }

    /// Forgets requests, workers and holdings, and keeps what the policy answered: for filling it
    /// anew from history without asking (and reporting) everything again.
    pub fn clear(&mut self) {
        self.world.requests.clear();
        self.world.seats.clear();
        self.world.waiting.clear();
        self.world.books.clear();
        self.paces.forget_ends();
        self.world.moved = Moved { all: true, ..Moved::default() };
    }

    /// A request became pending, or its view changed (its priority, say).
    pub fn add_request(&mut self, mut candidate: Candidate) {
        self.world.limits.apply(&mut candidate);
        let id = candidate.view.id;
        let recipe = self.world.know(&mut candidate.recipe);
        self.world.requests.insert(id, Arc::new(Pending { candidate, recipe }));
        self.world.moved.requests.push(id);
    }

    /// A request is no longer pending.
    pub fn remove_request(&mut self, request: RequestId) {
        if self.world.requests.remove(&request).is_some() {
            self.world.moved.requests.push(request);
        }
    }

    /// A pending request.
    #[must_use]
    pub fn request(&self, id: RequestId) -> Option<&Candidate> {
        self.world.requests.get(&id).map(|pending| &pending.candidate)
    }

    /// The pending requests, by id.
    pub fn requests(&self) -> impl Iterator<Item = &Candidate> {
        self.world.requests.values().map(|p| &p.candidate)
    }

    /// A worker is known, or something about it changed. `busy_slots` of the view is ignored: it is
    /// derived from the holdings.
    pub fn set_worker(&mut self, mut view: WorkerView, accepting: Result<(), NotNow>) {
        let (busy, running) = self.world.books.busy(&view.name);
        view.busy_slots = busy;
        let name = view.name.clone();
        let old = self.world.seats.get(&name);
        if old.is_none_or(|old| old.view.labels != view.labels) {
            self.memory.eligible.remove(&name);
        }
        let most = self.world.limits.most(&name);
        self.world.told += 1;
        let told = self.world.told;
        self.world.seats.insert(name.clone(), Seat { view, accepting, running, most, told });
        self.world.moved.workers.push(name);
    }

    /// A worker is gone for good. One that is merely offline stays, as `NotNow::Offline`.
    pub fn remove_worker(&mut self, name: &str) {
        self.world.seats.remove(name);
        self.world.books.forget_worker(name);
        self.memory.eligible.remove(name);
        self.world.moved.workers.push(name.to_owned());
    }

    /// Everything that holds a slot or a lock: live builds, offered claims, steps with own locks.
    /// Belongs to no group that `fair` terms could count: [`Matcher::hold`] says for whom.
    pub fn set_holdings(&mut self, holdings: Vec<Holding>) {
        let old: Vec<HoldingId> = self.world.books.ids().collect();
        for id in old {
            self.release(id);
        }
        for holding in holdings {
            self.hold(holding, None);
        }
    }

    /// A slot or locks are held from now on, by a build of that request if it is known.
    pub fn hold(&mut self, holding: Holding, of: Option<&RequestView>) -> HoldingId {
        let of = of.map(|view| Of::Told(Arc::new(view.clone())));
        self.book(Held { holding, of })
    }

    /// They are held no more. Locks that end before the slot: release all, hold what is left.
    pub fn release(&mut self, id: HoldingId) {
        let world = &mut self.world;
        let declared = Declared { locks: &world.locks, limits: &world.limits };
        let Some(holding) = world.books.remove(declared, id) else { return };
        self.paces.expect(id, None);
        world.moved.locks.extend(world.limits.takes(&holding).map(|held| held.lock.clone()));
        world.moved.holdings.push(id);
        world.count_slots(&holding.worker);
        world.moved.workers.push(holding.worker);
    }

    fn book(&mut self, held: Held) -> HoldingId {
        let world = &mut self.world;
        let worker = held.holding.worker.clone();
        let takes = world.limits.takes(&held.holding);
        world.moved.locks.extend(takes.map(|held| held.lock.clone()));
        let id = world.books.add(Declared { locks: &world.locks, limits: &world.limits }, held);
        world.moved.holdings.push(id);
        world.count_slots(&worker);
        world.moved.workers.push(worker);
        id
    }

    /// A holding that lasts.
    #[must_use]
    pub fn holding(&self, id: HoldingId) -> Option<&Holding> {
        self.world.books.holding(id)
    }

    /// Who holds what, the matches taken since included.
    pub fn holdings(&self) -> impl Iterator<Item = &Holding> {
        self.world.books.holdings()
    }

    /// The match is being offered: its request is pending no more, its slot and locks are held. If
    /// the claim is refused or lost, say so by `release` (or `set_holdings`) and `add_request`.
    pub fn take(&mut self, taken: &Match) -> Option<HoldingId> {
        let pending = self.world.requests.remove(&taken.request)?;
        self.world.moved.requests.push(taken.request);
        let Candidate { view, recipe } = &pending.candidate;
        let declared = recipe.locks.iter().filter(|held| limited(&held.lock).is_none());
        let holding = Holding {
            by: format!("request {} (being offered)", taken.request),
            worker: taken.worker.clone(),
            slot: true,
            locks: declared.cloned().collect(),
            runs: Some(view.builder.to_string()),
        };
        let ends = self.paces.of(&view.builder).map(|pace| taken.at.plus(pace.locks));
        let id = self.book(Held { holding, of: Some(Of::Taken(pending)) });
        self.paces.expect(id, ends);
        Some(id)
    }

    /// The best feasible tuple, if any; steps that may go on before it get their locks. Ask with
    /// one policy until `reconfigure`.
    pub fn next(&mut self, policy: &dyn Policy, now: Micros) -> Option<Match> {
        loop {
            match self.next_start(policy, now)? {
                Start::Build(found) => return Some(found),
                Start::Step(step) => self.grant(step),
            };
        }
    }

    /// The best feasible tuple beside what is held.
    pub(super) fn best(&mut self, policy: &dyn Policy, now: Micros) -> Option<Match> {
        self.follow(policy, now);
        if self.live.is_mixed() {
            let moment = Moment::of(policy, &self.world, now);
            return self.next_of_all(&moment);
        }
        self.live.best(now)
    }

    /// Brings the live order up to what was told, and to the time.
    pub(super) fn follow(&mut self, policy: &dyn Policy, now: Micros) {
        let moment = Moment::uncounted(policy, now);
        if policy.backfills() {
            self.memory.memo.tell_builders_apart();
        }
        self.live.follow(&mut self.world, &mut self.memory, &moment, &mut self.slice);
    }

    /// When the order may change by time alone; `None` while that could start nothing.
    #[must_use]
    pub fn next_wake(&self, now: Micros) -> Option<Micros> {
        self.live.next_wake(&self.world, now)
    }

    /// Faults of the policy's functions since the last call: once per function and class pair.
    pub fn take_faults(&mut self) -> Vec<FaultReport> {
        std::mem::take(&mut self.memory.faults.new)
    }

    /// From now on it asks the policy no more than so often about pairs of classes it sees for the
    /// first time, until told again (the last pair is asked about in full; sixteen pairs whose
    /// answers are remembered count as a call). A request or a worker
    /// of a class not seen in full takes no part in decisions until it is. Without this, a matcher
    /// sees everything before it decides.
    pub fn look_at(&mut self, calls: usize) {
        self.slice = calls;
    }

    /// Whether there are classes that were not seen in full, as of the last decision.
    #[must_use]
    pub fn is_looking(&self) -> bool {
        self.live.is_looking()
    }

    /// Whether a request takes no part yet because its class is still being looked at.
    #[must_use]
    pub fn is_request_unseen(&self, request: RequestId) -> bool {
        self.live.is_request_unseen(request)
    }

    /// Whether a worker takes no part yet because its class is still being looked at.
    #[must_use]
    pub fn is_worker_unseen(&self, worker: &str) -> bool {
        self.live.is_worker_unseen(worker)
    }

    /// How many things it was told since the last decision, which works them in: the time that
    /// takes grows with them. Without bound where all is to be placed anew.
    #[must_use]
    pub fn unplaced(&self) -> usize {
        let moved = &self.world.moved;
        if moved.all || !self.live.is_built() {
            return usize::MAX;
        }
        moved.requests.len() + moved.workers.len() + moved.holdings.len()
    }

    /// How many workers it knows.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.world.seats.names().len()
    }

    /// How many classes and edges there are, as of the last decision.
    #[must_use]
    pub fn size(&self) -> Size {
        self.live.size()
    }

    /// How often the policy's functions were really called, for metrics and tests.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.memory.memo.evaluations
    }
}
