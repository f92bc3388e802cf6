//! What the matcher knows, and the plain calls that tell it.

use std::collections::BTreeMap;

use super::eligible::eligible;
use super::keys::{FaultReport, Faults, Judge};
use super::memo::Memo;
use super::{Candidate, Holding, Match, NotNow, Recipe, Why};
use crate::farm::{Farm, Lock, Policy, WorkerSpec, WorkerView};
use crate::words::{Micros, RequestId};

/// Pending requests, workers, and who holds what. Clone it to explain or to replay.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub(super) world: World,
    pub(super) memory: Memory,
}

/// The facts.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) locks: BTreeMap<String, Lock>,
    pub(super) declared: Vec<WorkerSpec>,
    pub(super) requests: BTreeMap<RequestId, Pending>,
    pub(super) seats: BTreeMap<String, Seat>,
    pub(super) holdings: Vec<Holding>,
    recipes: BTreeMap<Recipe, usize>,
}

/// What was worked out from the facts and stays true while they do.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    memo: Memo,
    faults: Faults,
    /// By worker, then by the number of the recipe.
    eligible: BTreeMap<String, BTreeMap<usize, Result<(), Why>>>,
}

#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) candidate: Candidate,
    recipe: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Seat {
    /// `busy_slots` is derived from the holdings, whatever the caller's view said.
    pub(super) view: WorkerView,
    pub(super) accepting: Result<(), NotNow>,
}

impl Seat {
    pub(super) fn has_free_slot(&self) -> bool {
        self.view.busy_slots < self.view.slots
    }
}

impl Matcher {
    /// A matcher that knows the farm's locks and worker declarations, no requests and no workers.
    #[must_use]
    pub fn new(farm: &Farm) -> Matcher {
        let world = World {
            locks: farm.locks.clone(),
            declared: farm.workers.clone(),
            requests: BTreeMap::new(),
            seats: BTreeMap::new(),
            holdings: Vec::new(),
            recipes: BTreeMap::new(),
        };
        Matcher { world, memory: Memory::default() }
    }

    /// The farm has a new configuration, and so a new policy: keeps requests, workers and holdings,
    /// forgets every answer of the old policy.
    pub fn reconfigure(&mut self, farm: &Farm) {
        self.world.locks.clone_from(&farm.locks);
        self.world.declared.clone_from(&farm.workers);
        self.memory = Memory::default();
    }

    /// Forgets requests, workers and holdings, and keeps what the policy answered: for filling it
    /// anew from history without asking (and reporting) everything again.
    pub fn clear(&mut self) {
        self.world.requests.clear();
        self.world.seats.clear();
        self.world.holdings.clear();
    }

    /// A request became pending, or its view changed (its priority, say).
    pub fn add_request(&mut self, candidate: Candidate) {
        let new = self.world.recipes.len();
        let recipe = *self.world.recipes.entry(candidate.recipe.clone()).or_insert(new);
        self.world.requests.insert(candidate.view.id, Pending { candidate, recipe });
    }

    /// A request is no longer pending.
    pub fn remove_request(&mut self, request: RequestId) {
        self.world.requests.remove(&request);
    }

    /// The pending requests, by id.
    pub fn requests(&self) -> impl Iterator<Item = &Candidate> {
        self.world.requests.values().map(|p| &p.candidate)
    }

    /// A worker is known, or something about it changed. `busy_slots` of the view is ignored: it is
    /// derived from the holdings.
    pub fn set_worker(&mut self, mut view: WorkerView, accepting: Result<(), NotNow>) {
        view.busy_slots = self.world.busy_slots(&view.name);
        let old = self.world.seats.get(&view.name);
        if old.is_none_or(|old| old.view.labels != view.labels) {
            self.memory.eligible.remove(&view.name);
        }
        self.world.seats.insert(view.name.clone(), Seat { view, accepting });
    }

    /// A worker is gone for good. One that is merely offline stays, as `NotNow::Offline`.
    pub fn remove_worker(&mut self, name: &str) {
        self.world.seats.remove(name);
        self.memory.eligible.remove(name);
    }

    /// Everything that holds a slot or a lock: live builds, offered claims, steps with own locks.
    pub fn set_holdings(&mut self, holdings: Vec<Holding>) {
        self.world.holdings = holdings;
        let names: Vec<String> = self.world.seats.keys().cloned().collect();
        for name in names {
            self.world.count_slots(&name);
        }
    }

    /// Who holds what, the matches taken since included.
    #[must_use]
    pub fn holdings(&self) -> &[Holding] {
        &self.world.holdings
    }

    /// The match is being offered: its request is pending no more, its slot and locks are held.
    /// If the claim is refused or lost, say so by `add_request` and `set_holdings`.
    pub fn take(&mut self, taken: &Match) {
        let Some(pending) = self.world.requests.remove(&taken.request) else { return };
        self.world.holdings.push(Holding {
            by: format!("request {} (being offered)", taken.request),
            worker: taken.worker.clone(),
            slot: true,
            locks: pending.candidate.recipe.locks,
        });
        self.world.count_slots(&taken.worker);
    }

    /// When the order may change by time alone; `None` while no term of the order ages.
    #[must_use]
    pub fn next_wake(&self, _now: Micros) -> Option<Micros> {
        None
    }

    /// Faults of the policy's functions since the last call: once per function and class pair.
    pub fn take_faults(&mut self) -> Vec<FaultReport> {
        std::mem::take(&mut self.memory.faults.new)
    }

    /// How often the policy's functions were really called, for metrics and tests.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.memory.memo.evaluations
    }
}

impl World {
    fn busy_slots(&self, name: &str) -> i64 {
        let busy = self.holdings.iter().filter(|h| h.slot && h.worker == name).count();
        i64::try_from(busy).unwrap_or(i64::MAX)
    }

    fn count_slots(&mut self, name: &str) {
        let busy = self.busy_slots(name);
        if let Some(seat) = self.seats.get_mut(name) {
            seat.view.busy_slots = busy;
        }
    }
}

impl Memory {
    /// Whether the worker could ever take the request.
    pub(super) fn eligible(
        &mut self,
        world: &World,
        pending: &Pending,
        seat: &Seat,
    ) -> Result<(), Why> {
        let (name, recipe) = (&seat.view.name, pending.recipe);
        if let Some(known) = self.eligible.get(name).and_then(|by| by.get(&recipe)) {
            return known.clone();
        }
        let found = eligible(&pending.candidate.recipe, name, &seat.view.labels, &world.locks);
        self.eligible.entry(name.clone()).or_default().insert(recipe, found.clone());
        found
    }

    pub(super) fn judge<'a>(&'a mut self, policy: &'a dyn Policy) -> Judge<'a> {
        Judge { policy, memo: &mut self.memo, faults: &mut self.faults }
    }

    pub(super) fn report_once(&mut self, fault: FaultReport) {
        self.faults.report_once(fault);
    }
}
