//! Farm-wide locks: the lanes that want some, merged by best tuple, down to the first request whose
//! locks fit beside what is held and what those before it reserve.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::graph::rank;
use super::heap::{Entry, Owner};
use super::key::{Key, Rank};
use super::live_order::Live;
use super::room::Standings;
use crate::words::{Access, RequestId};

/// The classes of a lane by their best tuples; what was taken from its heap meanwhile.
#[derive(Debug, Default)]
struct Stream {
    aside: Vec<Entry>,
    /// Offers of worker classes, the classes visited left out.
    offers: BinaryHeap<(Rank, u32, u32)>,
    visited: BTreeSet<u32>,
}

/// What the walk meets next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    rank: Rank,
    lane: u32,
    class: u32,
    worker: u32,
    /// How many of its class are before it; none for a tuple that is not the request's best.
    nth: Option<usize>,
    key: Key,
    id: RequestId,
}

/// What requests visited reserve of the farm's locks.
#[derive(Debug, Default)]
struct Reserved {
    by_lock: BTreeMap<usize, Vec<(RequestId, Access)>>,
    /// Requests to be met again on another worker.
    later: Vec<(RequestId, u32)>,
}

/// A walk under way.
#[derive(Debug, Default)]
struct Walk {
    ahead: BinaryHeap<Visit>,
    streams: BTreeMap<u32, Stream>,
    reserved: Reserved,
}

impl Live {
    /// The best feasible tuple of all lanes that need farm-wide locks, if it ranks above the floor.
    pub(super) fn walk(&mut self, floor: Option<&Rank>, standings: &mut Standings) -> Option<Rank> {
        let mut walk = Walk::default();
        let awake: Vec<u32> = self.recipes.awake.iter().copied().collect();
        for lane in awake {
            if self.top(lane, floor).is_some() {
                self.advance(lane, &mut walk);
            }
        }
        let mut found = None;
        while let Some(visit) = walk.ahead.pop() {
            if floor.is_some_and(|floor| visit.rank <= *floor) {
                break;
            }
            if self.visit(&visit, &mut walk, standings) {
                found = Some(visit.rank);
                break;
            }
        }
        for (lane, stream) in walk.streams {
            self.heap(lane).give_back(stream.aside);
        }
        found
    }

    /// Whether the request may start there; if not, it reserves, and who is next comes ahead.
    fn visit(&mut self, visit: &Visit, walk: &mut Walk, standings: &mut Standings) -> bool {
        let first = visit.nth.is_some();
        if first && self.is_closed(visit.lane, &walk.reserved) {
            return false;
        }
        if visit.nth == Some(0) {
            self.advance(visit.lane, walk);
        }
        if let Some(nth) = visit.nth {
            walk.ahead.extend(self.next_of_class(visit, nth + 1));
        } else {
            walk.reserved.later.retain(|(id, _)| *id != visit.id);
        }
        let fits = self.farm_locks_fit(visit, &walk.reserved);
        if fits && (!first || self.own_locks_fit(visit, standings)) {
            return true;
        }
        if first {
            for (lock, access) in &self.graph.lane(visit.lane).farm {
                walk.reserved.by_lock.entry(*lock).or_default().push((visit.id, *access));
            }
        }
        if fits
            && first
            && let Some(rank) =
                self.graph.best_granted(standings, visit.class, (&visit.key, visit.id))
        {
            walk.reserved.later.push((visit.id, visit.lane));
            walk.ahead.push(Visit { rank, nth: None, ..visit.clone() });
        }
        false
    }

    fn farm_locks_fit(&self, visit: &Visit, reserved: &Reserved) -> bool {
        let lane = self.graph.lane(visit.lane);
        lane.farm.iter().all(|(lock, access)| self.fits(*lock, *access, reserved, Some(visit.id)))
    }

    /// Whether a need fits beside what is held and what requests but one reserve.
    fn fits(
        &self,
        lock: usize,
        access: Access,
        reserved: &Reserved,
        but: Option<RequestId>,
    ) -> bool {
        let lock_ = &self.recipes.farm[lock];
        let mut taken = lock_.taken.clone();
        for (id, access) in reserved.by_lock.get(&lock).into_iter().flatten() {
            if Some(*id) != but {
                taken.add(*access);
            }
        }
        taken.leaves(access, lock_.units)
    }

    fn own_locks_fit(&self, visit: &Visit, standings: &mut Standings) -> bool {
        if self.graph.lane(visit.lane).own.is_empty() {
            return true;
        }
        let Some(seat) = self.graph.seat(visit.class, visit.worker) else { return false };
        let (request, worker) = ((visit.class, visit.id), (visit.worker, seat.worker));
        self.graph.is_granted(standings, request, worker)
    }

    /// Whether nobody can get anything any more of the locks a lane needs.
    fn is_closed(&self, lane: u32, reserved: &Reserved) -> bool {
        self.graph.lane(lane).farm.iter().all(|(lock, _)| {
            let lanes = self.recipes.farm[*lock].lanes.iter();
            let mut later = reserved.later.iter();
            let none = |access, but| !self.fits(*lock, access, reserved, but);
            let needs = |lane: u32| self.graph.lane(lane).farm.iter().filter(|(l, _)| l == lock);
            lanes.clone().all(|(_, access)| none(*access, None))
                && later.all(|(id, lane)| needs(*lane).all(|(_, n)| none(*n, Some(*id))))
        })
    }

    /// The next request of a class: it would get the same worker.
    fn next_of_class(&self, visit: &Visit, nth: usize) -> Option<Visit> {
        let class = self.graph.request(visit.class);
        let (key, id) = class.queue.iter().nth(nth)?;
        let edge = self.graph.edge(visit.class, visit.worker)?;
        let seat = self.graph.seat(visit.class, visit.worker)?;
        let rank = rank(&self.graph.local(class, &key.0, edge.pair), *id, seat);
        Some(Visit { rank, nth: Some(nth), key: key.0.clone(), id: *id, ..visit.clone() })
    }

    /// Puts the next class of a lane ahead.
    fn advance(&mut self, lane: u32, walk: &mut Walk) {
        let stream = walk.streams.entry(lane).or_default();
        let Some((rank, class, worker)) = self.next_class(lane, stream) else { return };
        let Some((key, id)) = self.graph.request(class).head.clone() else { return };
        walk.ahead.push(Visit { rank, lane, class, worker, nth: Some(0), key, id });
    }

    fn next_class(&mut self, lane: u32, stream: &mut Stream) -> Option<(Rank, u32, u32)> {
        loop {
            let entry = self.heap(lane).peek().map(|entry| entry.rank.clone());
            let offer = stream.offers.peek().map(|(rank, ..)| rank);
            if offer.is_some() && offer >= entry.as_ref() {
                let (rank, class, worker) = stream.offers.pop()?;
                let new = stream.visited.insert(class);
                self.offer_to_others(lane, worker, stream);
                if new {
                    return Some((rank, class, worker));
                }
                continue;
            }
            let entry = self.heap(lane).pop()?;
            let (class, worker) = entry.classes();
            let owner = entry.owner;
            let visited = stream.visited.contains(&class);
            if !visited && self.graph.rank(class, worker).as_ref() != Some(&entry.rank) {
                self.rewrite(owner, lane);
                continue;
            }
            let rank = entry.rank.clone();
            stream.aside.push(entry);
            stream.visited.insert(class);
            if owner == Owner::Offer(worker) {
                self.offer_to_others(lane, worker, stream);
            }
            if !visited {
                return Some((rank, class, worker));
            }
        }
    }

    /// What a worker class would offer if the classes visited had no requests.
    fn offer_to_others(&self, lane: u32, worker: u32, stream: &mut Stream) {
        let offer = self.graph.offer(worker, lane, |class| stream.visited.contains(&class));
        if let Some((rank, class)) = offer {
            stream.offers.push((rank, class, worker));
        }
    }
}
