//! The facts the matcher was told, what of them moved since it last looked, and what was worked out
//! from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;

use super::books::{Books, HoldingId};
use super::eligible::eligible;
use super::keys::{FaultReport, Faults, Judge, Moment};
use super::limits::Limits;
use super::memo::Memo;
use super::{Candidate, NotNow, Recipe, Waiting, Why};
use crate::farm::{Lock, WorkerSpec, WorkerView};
use crate::words::{RequestId, StepId};

/// The facts.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) locks: BTreeMap<String, Lock>,
    pub(super) declared: Vec<WorkerSpec>,
    pub(super) limits: Limits,
    pub(super) requests: BTreeMap<RequestId, Arc<Pending>>,
    pub(super) seats: Seats,
    /// How often a worker was told.
    pub(super) told: u64,
    pub(super) waiting: BTreeMap<StepId, Waiting>,
    pub(super) books: Books,
    /// By what they demand; never walked.
    pub(super) recipes: HashMap<Arc<Recipe>, usize>,
    pub(super) moved: Moved,
}

/// What moved since the live order last followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Moved {
    /// Everything may have.
    pub(super) all: bool,
    pub(super) requests: Vec<RequestId>,
    pub(super) workers: Vec<String>,
    pub(super) holdings: Vec<HoldingId>,
    /// Locks of which more or less is held.
    pub(super) locks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pending {
    pub(super) candidate: Candidate,
    /// The number of its recipe.
    pub(super) recipe: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seat {
    /// `busy_slots` is derived from the holdings, whatever the caller's view said.
    pub(super) view: WorkerView,
    pub(super) accepting: Result<(), NotNow>,
    /// How many builds run steps on it.
    pub(super) running: i64,
    /// How many may.
    pub(super) most: Option<i64>,
    /// The number of the call that told it: what is not derived from holdings is as it was while
    /// this is.
    pub(super) told: u64,
}

/// The workers known, found by name and walked in the order of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats {
    /// Never walked.
    by_name: HashMap<String, Seat>,
    names: BTreeSet<String>,
}

impl Seats {
    pub(super) fn get(&self, name: &str) -> Option<&Seat> {
        self.by_name.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Seat> {
        self.by_name.get_mut(name)
    }

    pub(super) fn insert(&mut self, name: String, seat: Seat) {
        if self.by_name.insert(name.clone(), seat).is_none() {
            self.names.insert(name);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
        self.names.remove(name);
    }

    pub(super) fn clear(&mut self) {
        self.by_name.clear();
        self.names.clear();
    }

    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = &String> {
        self.names.iter()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Seat> {
        self.names.iter().filter_map(|name| self.by_name.get(name))
    }
}

impl Seat {
    pub(super) fn has_free_slot(&self) -> bool {
        self.view.busy_slots < self.view.slots
    }

    /// Whether it may run the steps of one build more.
    pub(super) fn may_run_more(&self) -> bool {
        self.most.is_none_or(|most| self.running < most)
    }

    /// Whether it could take something now.
    pub(super) fn is_open(&self) -> bool {
        self.accepting.is_ok() && self.has_free_slot() && self.may_run_more()
    }
}

impl World {
    /// The number of a recipe; the one first seen that demands the same takes its place.
    pub(super) fn know(&mut self, recipe: &mut Arc<Recipe>) -> usize {
        if let Some((known, number)) = self.recipes.get_key_value(recipe) {
            let number = *number;
            if !Arc::ptr_eq(known, recipe) {
                *recipe = known.clone();
            }
            return number;
        }
        let new = self.recipes.len();
        self.recipes.insert(recipe.clone(), new);
        new
    }

    pub(super) fn count_slots(&mut self, name: &str) {
        if let Some(seat) = self.seats.get_mut(name) {
            (seat.view.busy_slots, seat.running) = self.books.busy(name);
        }
    }
}

/// What was worked out from the facts and stays true while they do.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    pub(super) memo: Memo,
    pub(super) faults: Faults,
    /// By worker, then by the number of the recipe.
    pub(super) eligible: BTreeMap<String, BTreeMap<usize, Result<(), Why>>>,
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

    pub(super) fn judge<'a>(&'a mut self, moment: &'a Moment<'a>) -> Judge<'a> {
        Judge { moment, memo: &mut self.memo, faults: &mut self.faults }
    }

    pub(super) fn report_once(&mut self, fault: FaultReport) {
        self.faults.report_once(fault);
    }
}
