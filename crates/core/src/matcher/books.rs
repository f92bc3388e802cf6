//! Who holds which slots and locks. What is free is summed up from the holders whenever it is
//! asked, never counted up and down.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::Holding;
use super::facts::Pending;
use super::limits::Limits;
use super::locks::{Pool, Taken};
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

/// Who holds how much of a pool, in the order in which they began to.
type Shares = Vec<(HoldingId, Access)>;

/// All holdings, findable by worker and by pool. The hash maps are never walked.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    /// In boxes: they are large, and those of a node move when one goes.
    all: BTreeMap<HoldingId, Box<Held>>,
    by_worker: HashMap<String, OfWorker>,
    /// Of the farm's locks. A lock that was held once stays, as do those of a worker.
    farm: HashMap<String, Shares>,
    next: u64,
}

/// The holdings of one worker, whether there are any at the moment or not.
#[derive(Debug, Clone, Default)]
struct OfWorker {
    slots: Vec<HoldingId>,
    /// Builds whose steps run.
    running: Vec<HoldingId>,
    /// Of its own locks, which are few.
    own: Vec<(String, Shares)>,
}

impl OfWorker {
    fn shares(&self, lock: &str) -> &[(HoldingId, Access)] {
        let of = self.own.iter().find(|(own, _)| own == lock);
        of.map(|(_, shares)| shares.as_slice()).unwrap_or_default()
    }

    fn shares_mut(&mut self, lock: &str) -> &mut Shares {
        let at = self.own.iter().position(|(own, _)| own == lock).unwrap_or_else(|| {
            self.own.push((lock.to_owned(), Shares::new()));
            self.own.len() - 1
        });
        &mut self.own[at].1
    }

    fn is_idle(&self) -> bool {
        self.slots.is_empty()
            && self.running.is_empty()
            && self.own.iter().all(|(_, shares)| shares.is_empty())
    }
}

/// The locks of the farm, and the limits that are locks too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    pub(super) locks: &'a BTreeMap<String, Lock>,
    pub(super) limits: &'a Limits,
}

impl Books {
    pub(super) fn add(&mut self, declared: Declared<'_>, held: Held) -> HoldingId {
        self.next += 1;
        let id = HoldingId(self.next);
        self.file(declared, id, &held.holding);
        self.all.insert(id, Box::new(held));
        id
    }

    fn file(&mut self, declared: Declared<'_>, id: HoldingId, holding: &Holding) {
        let of = match self.by_worker.get_mut(&holding.worker) {
            Some(known) => known,
            None => self.by_worker.entry(holding.worker.clone()).or_default(),
        };
        of.slots.extend(holding.slot.then_some(id));
        of.running.extend(holding.runs.as_ref().map(|_| id));
        for held in declared.limits.takes(holding) {
            let Some(lock) = declared.locks.get(&held.lock) else { continue };
            let shares = match (lock.per_worker, self.farm.get_mut(&held.lock)) {
                (true, _) => of.shares_mut(&held.lock),
                (false, Some(known)) => known,
                (false, None) => self.farm.entry(held.lock.clone()).or_default(),
            };
            shares.push((id, held.access));
        }
    }

    pub(super) fn remove(&mut self, declared: Declared<'_>, id: HoldingId) -> Option<Holding> {
        let holding = self.all.remove(&id)?.holding;
        let mut of = self.by_worker.get_mut(&holding.worker);
        if let Some(of) = &mut of {
            of.slots.retain(|known| *known != id);
            of.running.retain(|known| *known != id);
        }
        for held in declared.limits.takes(&holding) {
            let shares = match (declared.locks.get(&held.lock), &mut of) {
                (Some(lock), Some(of)) if lock.per_worker => Some(of.shares_mut(&held.lock)),
                _ => self.farm.get_mut(&held.lock),
            };
            shares.into_iter().for_each(|shares| shares.retain(|(known, _)| *known != id));
        }
        Some(holding)
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.by_worker.clear();
        self.farm.clear();
    }

    /// The locks were declared anew: the same holdings, in pools that may be others.
    pub(super) fn refile(&mut self, declared: Declared<'_>) {
        let all = std::mem::take(&mut self.all);
        self.clear();
        for (id, held) in &all {
            self.file(declared, *id, &held.holding);
        }
        self.all = all;
    }

    /// Who holds how much of a pool.
    fn of(&self, (lock, worker): &Pool) -> &[(HoldingId, Access)] {
        match worker {
            Some(worker) => self.by_worker.get(worker).map(|of| of.shares(lock)),
            None => self.farm.get(lock).map(Vec::as_slice),
        }
        .unwrap_or_default()
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

    /// How many slots of a worker are taken, and how many builds run steps there.
    pub(super) fn busy(&self, worker: &str) -> (i64, i64) {
        self.by_worker.get(worker).map_or((0, 0), |of| (count(&of.slots), count(&of.running)))
    }

    pub(super) fn holding(&self, id: HoldingId) -> Option<&Holding> {
        self.all.get(&id).map(|held| &held.holding)
    }

    /// Who holds something of a pool.
    pub(super) fn holders(&self, pool: &Pool) -> impl Iterator<Item = &Holding> {
        // One that names the lock twice stands there twice in a row.
        self.of(pool).chunk_by(|a, b| a.0 == b.0).filter_map(|of| self.holding(of[0].0))
    }

    /// The requests whose builds hold something of a pool, as far as they are known.
    pub(super) fn builders_of(&self, pool: &Pool) -> impl Iterator<Item = RequestId> + '_ {
        self.of(pool).iter().filter_map(|(id, _)| self.all.get(id)?.view()).map(|view| view.id)
    }

    /// The holdings of a pool, and what each takes of it.
    pub(super) fn shares(&self, pool: &Pool) -> impl Iterator<Item = (HoldingId, Access)> + '_ {
        self.of(pool).iter().copied()
    }

    /// What is taken of a pool.
    pub(super) fn taken(&self, pool: &Pool) -> Taken {
        sum(self.of(pool))
    }

    /// What is taken of a lock of the farm.
    pub(super) fn taken_of(&self, lock: &str) -> Taken {
        self.farm.get(lock).map(|shares| sum(shares)).unwrap_or_default()
    }

    /// What is taken of each of these locks at a worker that has them for itself.
    pub(super) fn taken_on<'a>(
        &self,
        worker: &str,
        locks: impl Iterator<Item = &'a String>,
    ) -> Vec<Taken> {
        let of = self.by_worker.get(worker);
        locks.map(|lock| of.map(|of| sum(of.shares(lock))).unwrap_or_default()).collect()
    }

    /// A worker is gone for good.
    pub(super) fn forget_worker(&mut self, name: &str) {
        if self.by_worker.get(name).is_some_and(OfWorker::is_idle) {
            self.by_worker.remove(name);
        }
    }
}

fn count(ids: &[HoldingId]) -> i64 {
    i64::try_from(ids.len()).unwrap_or(i64::MAX)
}

fn sum(shares: &[(HoldingId, Access)]) -> Taken {
    let mut taken = Taken::default();
    shares.iter().for_each(|(_, access)| taken.add(*access));
    taken
}
