//! Farm-wide locks: the lanes that want some, merged by best tuple, down to the first request whose
//! locks fit beside what is held and what those before it reserve.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::super::locks::Taken;
use super::heap::{Entry, Owner};
use super::key::{Key, Rank};
use super::live_order::Live;
use super::standing::Standings;
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
    /// One before it in its class gets no worker's own locks anywhere, so neither does it.
    left_out: bool,
}

/// What requests visited reserve of the farm's locks.
#[derive(Debug, Default)]
struct Reserved {
    by_lock: BTreeMap<usize, OfLock>,
    /// Requests to be met again on another worker.
    later: Vec<(RequestId, u32)>,
}

/// Who reserves a lock, and what is held and reserved of it in all.
#[derive(Debug)]
struct OfLock {
    by: Vec<(RequestId, Access)>,
    taken: Taken,
}

/// A walk under way.
#[derive(Debug, Default)]
struct Walk {
    /// Visits are large, and move in here more often than they are made.
    ahead: BinaryHeap<Box<Visit>>,
    streams: BTreeMap<u32, Stream>,
    reserved: Reserved,
}

impl Live {
    /// The best feasible tuple of all lanes that need farm-wide locks, if it ranks above the floor.
    pub(super) fn walk(&mut self, floor: Option<&Rank>, standings: &mut Standings) -> Option<Rank> {
        let mut walk = Walk::default();
        for lane in self.stirred_lanes() {
            let Some((rank, class, worker)) = self.top(lane, floor) else { continue };
            walk.ahead.extend(self.meet_head(rank, lane, (class, worker)));
        }
        let mut found = None;
        while let Some(mut visit) = walk.ahead.pop() {
            if floor.is_some_and(|floor| visit.rank <= *floor) {
                break;
            }
            if self.visit(&mut visit, &mut walk, standings) {
                found = Some(visit.rank);
                break;
            }
        }
        for (lane, stream) in walk.streams {
            self.heaps.give_back(lane, stream.aside);
        }
        found
    }

    /// Whether the request may start there; if not, it reserves, and who is next comes ahead.
    fn visit(&mut self, visit: &mut Visit, walk: &mut Walk, standings: &mut Standings) -> bool {
        let first = visit.nth.is_some();
        if first && self.is_closed(visit.lane, &walk.reserved) {
            return false;
        }
        let fits = self.farm_locks_fit(visit, &walk.reserved);
        if fits && !visit.left_out && (!first || self.own_locks_fit(visit, standings)) {
            return true;
        }
        let elsewhere = if fits && first && !visit.left_out {
            let of = (&visit.key, visit.id);
            let elsewhere = self.graph.best_granted(standings, visit.class, of);
            visit.left_out = elsewhere.is_none();
            elsewhere
        } else {
            None
        };
        if first {
            self.reserve(visit, &mut walk.reserved);
        } else {
            walk.reserved.later.retain(|(id, _)| *id != visit.id);
        }
        if let Some(rank) = elsewhere {
            walk.reserved.later.push((visit.id, visit.lane));
            walk.ahead.push(Box::new(Visit { rank, nth: None, ..visit.clone() }));
        }
        if let Some(nth) = visit.nth.filter(|_| !self.is_closed(visit.lane, &walk.reserved)) {
            if nth == 0 {
                self.advance(visit.lane, walk);
            }
            walk.ahead.extend(self.next_of_class(visit, nth + 1));
        }
        false
    }

    fn reserve(&self, visit: &Visit, reserved: &mut Reserved) {
        for (lock, access) in &self.graph.lane(visit.lane).farm {
            let of_lock = reserved.by_lock.entry(*lock).or_insert_with(|| OfLock {
                by: Vec::new(),
                taken: self.recipes.farm[*lock].taken.clone(),
            });
            of_lock.by.push((visit.id, *access));
            of_lock.taken.add(*access);
        }
    }

    fn farm_locks_fit(&self, visit: &Visit, reserved: &Reserved) -> bool {
        let lane = self.graph.lane(visit.lane);
        // Met for the first time, it reserves nothing yet.
        let own = visit.nth.is_none().then_some(visit.id);
        lane.farm.iter().all(|(lock, access)| {
            let taken = self.taken(*lock, reserved, own);
            taken.leaves(*access, self.recipes.farm[*lock].units)
        })
    }

    /// What is held of a lock, and what requests but one reserve.
    fn taken<'a>(
        &'a self,
        lock: usize,
        reserved: &'a Reserved,
        but: Option<RequestId>,
    ) -> Cow<'a, Taken> {
        let held = &self.recipes.farm[lock].taken;
        let Some(of_lock) = reserved.by_lock.get(&lock) else { return Cow::Borrowed(held) };
        if but.is_none() {
            return Cow::Borrowed(&of_lock.taken);
        }
        let mut taken = held.clone();
        for (_, access) in of_lock.by.iter().filter(|(id, _)| Some(*id) != but) {
            taken.add(*access);
        }
        Cow::Owned(taken)
    }

    fn own_locks_fit(&self, visit: &Visit, standings: &mut Standings) -> bool {
        if self.graph.lane(visit.lane).own.is_empty() {
            return true;
        }
        let Some(seat) = self.graph.seat(visit.class, visit.worker) else { return false };
        let (request, worker) = ((visit.class, visit.id), (visit.worker, seat.worker));
        self.graph.is_granted(standings, request, worker)
    }

    /// Whether nobody can get anything any more of the locks a lane needs. That stays so: who will
    /// be met again fits beside what is reserved, so wants nothing of these.
    fn is_closed(&self, lane: u32, reserved: &Reserved) -> bool {
        self.graph.lane(lane).farm.iter().all(|(lock, _)| {
            let of_farm = &self.recipes.farm[*lock];
            if of_farm.fits_any(&self.taken(*lock, reserved, None)) {
                return false;
            }
            let needs = |lane: u32| self.graph.lane(lane).farm.iter().filter(|(l, _)| l == lock);
            reserved.later.iter().all(|(id, lane)| {
                let taken = self.taken(*lock, reserved, Some(*id));
                needs(*lane).all(|(_, access)| !taken.leaves(*access, of_farm.units))
            })
        })
    }

    /// The next request of a class: it would get the same worker.
    fn next_of_class(&self, visit: &Visit, nth: usize) -> Option<Box<Visit>> {
        let class = self.graph.request(visit.class);
        let (key, id) = class.queue.after(&visit.key, visit.id)?;
        // Group, pair and worker say of both the same.
        let worth = visit.rank.key.minus(&visit.key).plus(key);
        let rank = Rank { key: worth, request: Reverse(id), worker: visit.rank.worker };
        Some(Box::new(Visit { rank, nth: Some(nth), key: key.clone(), id, ..visit.clone() }))
    }

    /// Puts the next class of a lane ahead.
    fn advance(&mut self, lane: u32, walk: &mut Walk) {
        let stream = walk.streams.entry(lane).or_default();
        if stream.visited.is_empty() {
            // The first: it is what the walk just met.
            self.next_class(lane, stream);
        }
        let Some((rank, class, worker)) = self.next_class(lane, stream) else { return };
        walk.ahead.extend(self.meet_head(rank, lane, (class, worker)));
    }

    fn meet_head(&self, rank: Rank, lane: u32, (class, worker): (u32, u32)) -> Option<Box<Visit>> {
        let (key, id) = self.graph.request(class).head().cloned()?;
        let nth = Some(0);
        Some(Box::new(Visit { rank, lane, class, worker, nth, key, id, left_out: false }))
    }

    fn next_class(&mut self, lane: u32, stream: &mut Stream) -> Option<(Rank, u32, u32)> {
        loop {
            let entry = self.heaps.peek(lane).map(|entry| entry.rank.clone());
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
            let entry = self.heaps.pop(lane)?;
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
