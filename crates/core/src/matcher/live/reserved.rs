//! What requests that a walk met reserve of the farm's locks.

use std::borrow::Cow;

use super::super::locks::Taken;
use super::graph::Graph;
use super::recipes::FarmLock;
use crate::words::RequestId;

/// What is held and reserved of a lock.
#[derive(Debug, Clone, Default)]
struct OfLock {
    /// In all, once somebody reserves.
    taken: Option<Taken>,
    /// Nobody can get anything of it any more.
    closed: bool,
}

/// All reservations. Empty but for its room between two walks.
#[derive(Debug, Clone, Default)]
pub(super) struct Reserved {
    by_lock: Vec<OfLock>,
    /// Who reserves, and the lane that says how much of what.
    by: Vec<(RequestId, u32)>,
    /// Requests to be met again on another worker, and their lanes.
    later: Vec<(RequestId, u32)>,
}

/// The locks of the farm, and what lanes want of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wants<'a> {
    pub(super) graph: &'a Graph,
    pub(super) locks: &'a [FarmLock],
}

impl Reserved {
    /// A request holds back what its lane wants.
    pub(super) fn reserve(&mut self, of: Wants<'_>, id: RequestId, lane: u32) {
        self.by_lock.resize_with(of.locks.len(), OfLock::default);
        for (lock, access) in &of.graph.lane(lane).farm {
            let taken = &mut self.by_lock[*lock].taken;
            taken.get_or_insert_with(|| of.locks[*lock].taken.clone()).add(*access);
        }
        self.by.push((id, lane));
    }

    /// A request will be met again, on another worker.
    pub(super) fn expect(&mut self, id: RequestId, lane: u32) {
        self.later.push((id, lane));
    }

    /// A request was met for the last time.
    pub(super) fn expect_no_more(&mut self, id: RequestId) {
        self.later.retain(|(other, _)| *other != id);
    }

    /// Whether what a lane wants fits beside what is held and what requests but one reserve.
    pub(super) fn leave(&self, of: Wants<'_>, lane: u32, but: Option<RequestId>) -> bool {
        of.graph
            .lane(lane)
            .farm
            .iter()
            .all(|(lock, access)| self.taken(of, *lock, but).leaves(*access, of.locks[*lock].units))
    }

    fn taken<'a>(&'a self, of: Wants<'a>, lock: usize, but: Option<RequestId>) -> Cow<'a, Taken> {
        let held = &of.locks[lock].taken;
        let Some(taken) = self.by_lock.get(lock).and_then(|it| it.taken.as_ref()) else {
            return Cow::Borrowed(held);
        };
        if but.is_none() {
            return Cow::Borrowed(taken);
        }
        let mut taken = held.clone();
        for (_, lane) in self.by.iter().filter(|(id, _)| Some(*id) != but) {
            let wants = of.graph.lane(*lane).farm.iter().filter(|(wanted, _)| *wanted == lock);
            wants.for_each(|(_, access)| taken.add(*access));
        }
        Cow::Owned(taken)
    }

    /// Whether nobody can get anything any more of the locks a lane wants. That stays so: who will
    /// be met again fits beside what is reserved, so wants nothing of these.
    pub(super) fn close(&mut self, of: Wants<'_>, lane: u32) -> bool {
        of.graph.lane(lane).farm.iter().all(|(lock, _)| self.closes(of, *lock))
    }

    fn closes(&mut self, of: Wants<'_>, lock: usize) -> bool {
        let of_farm = &of.locks[lock];
        let known = self.by_lock.get(lock);
        let Some((taken, closed)) = known.and_then(|it| Some((it.taken.as_ref()?, it.closed)))
        else {
            return of_farm.dead;
        };
        let closed = closed
            || !of_farm.fits_any(taken)
                && self.later.iter().all(|(id, lane)| {
                    let taken = self.taken(of, lock, Some(*id));
                    let mut wants = of.graph.lane(*lane).farm.iter().filter(|(l, _)| *l == lock);
                    wants.all(|(_, access)| !taken.leaves(*access, of_farm.units))
                });
        self.by_lock[lock].closed = closed;
        closed
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self, graph: &Graph) {
        for (_, lane) in self.by.drain(..) {
            for (lock, _) in &graph.lane(lane).farm {
                self.by_lock[*lock] = OfLock::default();
            }
        }
        self.later.clear();
    }
}
