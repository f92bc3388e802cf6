//! Who holds which slots and locks. What is free is summed up from the holders whenever it is
//! asked, never counted up and down.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::Holding;
use super::facts::Pending;
use super::locks::{Pool, Taken, pool};
use crate::farm::{Lock, RequestView};
use crate::words::{Access, RequestId};

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
    /// In boxes: they are large, and those of a node move when one goes.
    all: BTreeMap<HoldingId, Box<Held>>,
    by_worker: HashMap<String, OfWorker>,
    /// Who holds what of a pool, by holding.
    pools: HashMap<Pool, Vec<(HoldingId, Access)>>,
    next: u64,
}

/// The holdings of one worker, whether there are any at the moment or not.
#[derive(Debug, Clone, Default)]
struct OfWorker {
    slots: Vec<HoldingId>,
    /// Builds whose steps run.
    running: Vec<HoldingId>,
}

impl Books {
    pub(super) fn add(&mut self, locks: &BTreeMap<String, Lock>, held: Held) -> HoldingId {
        self.next += 1;
        let id = HoldingId(self.next);
        self.file(locks, id, &held.holding);
        self.all.insert(id, Box::new(held));
        id
    }

    fn file(&mut self, locks: &BTreeMap<String, Lock>, id: HoldingId, holding: &Holding) {
        let known = self.by_worker.contains_key(&holding.worker);
        if !known && (holding.slot || holding.runs.is_some()) {
            self.by_worker.insert(holding.worker.clone(), OfWorker::default());
        }
        if let Some(of) = self.by_worker.get_mut(&holding.worker) {
            of.slots.extend(holding.slot.then_some(id));
            of.running.extend(holding.runs.as_ref().map(|_| id));
        }
        for held in holding.takes() {
            if let Some(pool) = pool(locks, &held.lock, &holding.worker) {
                self.pools.entry(pool).or_default().push((id, held.access));
            }
        }
    }

    pub(super) fn remove(
        &mut self,
        locks: &BTreeMap<String, Lock>,
        id: HoldingId,
    ) -> Option<Holding> {
        let holding = self.all.remove(&id)?.holding;
        if let Some(of) = self.by_worker.get_mut(&holding.worker) {
            of.slots.retain(|known| *known != id);
            of.running.retain(|known| *known != id);
        }
        for held in holding.takes() {
            let Some(pool) = pool(locks, &held.lock, &holding.worker) else { continue };
            if let Some(of) = self.pools.get_mut(&pool) {
                of.retain(|(known, _)| *known != id);
                if of.is_empty() {
                    self.pools.remove(&pool);
                }
            }
        }
        Some(holding)
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.by_worker.clear();
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
        self.all.values().filter(|held| held.holding.slot).filter_map(|held| held.view())
    }

    /// The request whose build has this slot; `None` when it ended, has no slot, or is not known.
    pub(super) fn runs(&self, id: HoldingId) -> Option<&RequestView> {
        self.all.get(&id).filter(|held| held.holding.slot)?.view()
    }

    pub(super) fn busy_slots(&self, worker: &str) -> i64 {
        count(self.by_worker.get(worker).map(|of| &of.slots))
    }

    /// How many builds run steps on a worker.
    pub(super) fn running_on(&self, worker: &str) -> i64 {
        count(self.by_worker.get(worker).map(|of| &of.running))
    }

    pub(super) fn holding(&self, id: HoldingId) -> Option<&Holding> {
        self.all.get(&id).map(|held| &held.holding)
    }

    /// Who holds something of a pool.
    pub(super) fn holders(&self, pool: &Pool) -> impl Iterator<Item = &Holding> {
        let of = self.pools.get(pool).map(Vec::as_slice).unwrap_or_default();
        // One that names the lock twice stands there twice in a row.
        of.chunk_by(|a, b| a.0 == b.0).filter_map(|of| self.holding(of[0].0))
    }

    /// The requests whose builds hold something of a pool, as far as they are known.
    pub(super) fn builders_of(&self, pool: &Pool) -> impl Iterator<Item = RequestId> + '_ {
        let ids = self.pools.get(pool).into_iter().flatten();
        ids.filter_map(|(id, _)| self.all.get(id)?.view()).map(|view| view.id)
    }

    /// The holdings of a pool, and what each takes of it.
    pub(super) fn shares(&self, pool: &Pool) -> impl Iterator<Item = (HoldingId, Access)> + '_ {
        self.pools.get(pool).into_iter().flatten().copied()
    }

    /// What is taken of a pool.
    pub(super) fn taken(&self, pool: &Pool) -> Taken {
        let mut taken = Taken::default();
        for (_, access) in self.pools.get(pool).into_iter().flatten() {
            taken.add(*access);
        }
        taken
    }

    /// A worker is gone for good.
    pub(super) fn forget_worker(&mut self, name: &str) {
        let idle = |of: &OfWorker| of.slots.is_empty() && of.running.is_empty();
        if self.by_worker.get(name).is_some_and(idle) {
            self.by_worker.remove(name);
        }
    }
}

fn count(ids: Option<&Vec<HoldingId>>) -> i64 {
    i64::try_from(ids.map_or(0, Vec::len)).unwrap_or(i64::MAX)
}
