//! Who holds and who reserves how much of which lock. Derived anew from the holdings on each pass,
//! never counted up and down.

use std::collections::BTreeMap;

use super::Holding;
use crate::farm::Lock;
use crate::words::{Access, HeldLock, RequestId};

/// A lock's units: the farm's, or those of one worker.
pub(super) type Pool = (String, Option<String>);

/// What is taken of one pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Taken {
    units: i64,
    whole: bool,
}

impl Taken {
    pub(super) fn add(&mut self, access: Access) {
        match access {
            Access::Counting(n) => self.units = self.units.saturating_add(n),
            Access::Exclusive => self.whole = true,
        }
    }

    /// Whether that much is left of that many units.
    pub(super) fn leaves(&self, access: Access, capacity: i64) -> bool {
        match access {
            Access::Counting(n) => !self.whole && self.units.saturating_add(n) <= capacity,
            Access::Exclusive => !self.whole && self.units == 0,
        }
    }
}

/// Holdings and reservations by pool.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    locks: &'a BTreeMap<String, Lock>,
    held: BTreeMap<Pool, Taken>,
    reserved: BTreeMap<Pool, BTreeMap<RequestId, Access>>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new<'h>(
        locks: &'a BTreeMap<String, Lock>,
        holdings: impl IntoIterator<Item = &'h Holding>,
    ) -> Ledger<'a> {
        let mut held: BTreeMap<Pool, Taken> = BTreeMap::new();
        for holding in holdings {
            for lock in holding.takes() {
                if let Some(pool) = pool(locks, &lock.lock, &holding.worker) {
                    held.entry(pool).or_default().add(lock.access);
                }
            }
        }
        Ledger { locks, held, reserved: BTreeMap::new() }
    }

    /// The locks that keep the request from that worker; none: all are grantable.
    pub(super) fn blocking(
        &self,
        request: RequestId,
        worker: &str,
        locks: &[HeldLock],
    ) -> Vec<String> {
        let blocked = |(lock, access): &(&str, Access)| !self.fits(request, worker, lock, *access);
        needs(locks).into_iter().filter(blocked).map(|(lock, _)| lock.to_owned()).collect()
    }

    fn fits(&self, request: RequestId, worker: &str, lock: &str, access: Access) -> bool {
        let Some(pool) = pool(self.locks, lock, worker) else { return false };
        let mut taken = self.held.get(&pool).cloned().unwrap_or_default();
        for (by, access) in self.reserved.get(&pool).into_iter().flatten() {
            if *by != request {
                taken.add(*access);
            }
        }
        taken.leaves(access, self.locks.get(lock).map_or(0, |l| l.units(worker)))
    }

    /// Holds back what the request wants there, against every other request.
    pub(super) fn reserve(&mut self, request: RequestId, worker: &str, locks: &[HeldLock]) {
        for (lock, access) in needs(locks) {
            if let Some(pool) = pool(self.locks, lock, worker) {
                self.reserved.entry(pool).or_default().insert(request, access);
            }
        }
    }

    /// Who reserves how much of a pool.
    pub(super) fn reservations(
        &self,
        pool: &Pool,
    ) -> impl Iterator<Item = (RequestId, Access)> + '_ {
        self.reserved.get(pool).into_iter().flatten().map(|(by, access)| (*by, *access))
    }
}

/// Whether these locks fit beside what is held: for a step's own locks, and for tests of a claim.
#[must_use]
pub fn grantable(
    locks: &BTreeMap<String, Lock>,
    holdings: &[Holding],
    worker: &str,
    wanted: &[HeldLock],
) -> bool {
    let nobody = RequestId(0);
    Ledger::new(locks, holdings).blocking(nobody, worker, wanted).is_empty()
}

/// The pool a lock means on a worker, if the farm declares the lock.
pub(super) fn pool(locks: &BTreeMap<String, Lock>, lock: &str, worker: &str) -> Option<Pool> {
    let declared = locks.get(lock)?;
    Some((lock.to_owned(), declared.per_worker.then(|| worker.to_owned())))
}

/// What is wanted in all, by lock: units of one lock named twice add up, exclusive absorbs.
pub(super) fn needs(locks: &[HeldLock]) -> BTreeMap<&str, Access> {
    let mut all: BTreeMap<&str, Access> = BTreeMap::new();
    for HeldLock { lock, access } in locks {
        let sum = match (all.get(lock.as_str()), *access) {
            (Some(Access::Counting(a)), Access::Counting(b)) => {
                Access::Counting(a.saturating_add(b))
            }
            (Some(Access::Exclusive), _) => Access::Exclusive,
            (_, access) => access,
        };
        all.insert(lock, sum);
    }
    all
}
