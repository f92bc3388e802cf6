//! Who holds which slots and locks. What is free is summed up from the holders whenever it is
//! asked, never counted up and down.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use super::Holding;
use super::facts::Pending;
use super::locks::{Pool, Taken, pool};
use crate::farm::{Lock, RequestView};
use crate::words::RequestId;

/// A holding, as long as it lasts: what [`Matcher::release`](super::Matcher::release) takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldingId(u64);

/// A holding, and the request it works for where that is known: `fair` terms count it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) holding: Holding,
    pub(super) of: Option<Of>,
}

/// The request a holding works for: one that was pending here, or as it was told.
#[derive(Debug, Clone)]
pub(super) enum Of {
    Taken(Arc<Pending>),
    Told(Arc<RequestView>),
}

impl Held {
    fn view(&self) -> Option<&RequestView> {
        match self.of.as_ref()? {
            Of::Taken(pending) => Some(&pending.candidate.view),
            Of::Told(view) => Some(view),
        }
    }
}

/// All holdings, findable by worker and by pool. The hash maps are never walked.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    all: BTreeMap<HoldingId, Held>,
    slots: HashMap<String, BTreeSet<HoldingId>>,
    /// Builds whose steps run, by worker.
    running: HashMap<String, BTreeSet<HoldingId>>,
    pools: HashMap<Pool, BTreeSet<HoldingId>>,
    next: u64,
}

impl Books {
    pub(super) fn add(&mut self, locks: &BTreeMap<String, Lock>, held: Held) -> HoldingId {
        self.next += 1;
        let id = HoldingId(self.next);
        self.file(locks, id, &held.holding);
        self.all.insert(id, held);
        id
    }

    fn file(&mut self, locks: &BTreeMap<String, Lock>, id: HoldingId, holding: &Holding) {
        if holding.slot {
            self.slots.entry(holding.worker.clone()).or_default().insert(id);
        }
        if holding.runs.is_some() {
            self.running.entry(holding.worker.clone()).or_default().insert(id);
        }
        for held in holding.takes() {
            if let Some(pool) = pool(locks, &held.lock, &holding.worker) {
                self.pools.entry(pool).or_default().insert(id);
            }
        }
    }

    pub(super) fn remove(
        &mut self,
        locks: &BTreeMap<String, Lock>,
        id: HoldingId,
    ) -> Option<Holding> {
        let holding = self.all.remove(&id)?.holding;
        strike(&mut self.slots, &holding.worker, id);
        strike(&mut self.running, &holding.worker, id);
        for held in holding.takes() {
            if let Some(pool) = pool(locks, &held.lock, &holding.worker) {
                strike(&mut self.pools, &pool, id);
            }
        }
        Some(holding)
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.slots.clear();
        self.running.clear();
        self.pools.clear();
    }

    /// The locks were declared anew: the same holdings, in pools that may be others.
    pub(super) fn refile(&mut self, locks: &BTreeMap<String, Lock>) {
        let all = std::mem::take(&mut self.all);
        self.clear();
        for (id, held) in &all {
            self.file(locks, *id, &held.holding);
        }
        self.all = all;
    }

    pub(super) fn holdings(&self) -> impl Iterator<Item = &Holding> {
        self.all.values().map(|held| &held.holding)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = HoldingId> + '_ {
        self.all.keys().copied()
    }

    /// The requests whose builds have a slot, as far as they are known.
    pub(super) fn running(&self) -> impl Iterator<Item = &RequestView> {
        self.all.values().filter(|held| held.holding.slot).filter_map(Held::view)
    }

    /// The request whose build has this slot; `None` when it ended, has no slot, or is not known.
    pub(super) fn runs(&self, id: HoldingId) -> Option<&RequestView> {
        self.all.get(&id).filter(|held| held.holding.slot)?.view()
    }

    pub(super) fn busy_slots(&self, worker: &str) -> i64 {
        count(self.slots.get(worker))
    }

    /// How many builds run steps on a worker.
    pub(super) fn running_on(&self, worker: &str) -> i64 {
        count(self.running.get(worker))
    }

    pub(super) fn holding(&self, id: HoldingId) -> Option<&Holding> {
        self.all.get(&id).map(|held| &held.holding)
    }

    /// Who holds something of a pool.
    pub(super) fn holders(&self, pool: &Pool) -> impl Iterator<Item = &Holding> {
        let ids = self.pools.get(pool).into_iter().flatten();
        ids.filter_map(|id| self.holding(*id))
    }

    /// The requests whose builds hold something of a pool, as far as they are known.
    pub(super) fn builders_of(&self, pool: &Pool) -> impl Iterator<Item = RequestId> + '_ {
        let ids = self.pools.get(pool).into_iter().flatten();
        ids.filter_map(|id| self.all.get(id)?.view()).map(|view| view.id)
    }

    /// What is taken of a pool.
    pub(super) fn taken(&self, pool: &Pool) -> Taken {
        let mut taken = Taken::default();
        for id in self.pools.get(pool).into_iter().flatten() {
            let Some(held) = self.all.get(id) else { continue };
            for lock in held.holding.takes().filter(|held| held.lock == pool.0) {
                taken.add(lock.access);
            }
        }
        taken
    }
}

fn count(ids: Option<&BTreeSet<HoldingId>>) -> i64 {
    i64::try_from(ids.map_or(0, BTreeSet::len)).unwrap_or(i64::MAX)
}

fn strike<K: Hash + Eq>(by: &mut HashMap<K, BTreeSet<HoldingId>>, key: &K, id: HoldingId) {
    if let Some(ids) = by.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            by.remove(key);
        }
    }
}
