//! Farm-wide locks: the lanes that want some, merged by best tuple, down to the first request whose
//! locks fit beside what is held and what those before it reserve.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::heap::{Entry, Heaps, Owner};
use super::key::{Key, Rank};
use super::live_order::Live;
use super::queue::Behind;
use super::reserved::{Reserved, Wants};
use super::standing::Standings;
use crate::words::RequestId;

/// The classes of a lane by their best tuples; what was taken from its heap meanwhile.
#[derive(Debug, Default)]
struct Stream {
    aside: Vec<Entry>,
    /// Offers of worker classes, the classes visited left out.
    offers: BinaryHeap<(Rank, u32, u32)>,
    visited: BTreeSet<u32>,
}

/// How a request is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// The best of its class, at its best tuple.
    Head,
    /// One behind it, at its best tuple.
    Behind,
    /// Once more, at a tuple that is not its best.
    Again,
}

/// What the walk meets next. The greater rank is met first; no two are equal.
#[derive(Debug, Clone)]
struct Visit<'a> {
    rank: Rank,
    lane: u32,
    class: u32,
    worker: u32,
    met: Met,
    key: &'a Key,
    id: RequestId,
    /// Those of its class behind it.
    behind: Behind<'a>,
    /// One before it in its class gets no worker's own locks anywhere, so neither does it.
    left_out: bool,
}

/// A walk under way.
#[derive(Debug)]
struct Walk<'a> {
    wants: Wants<'a>,
    heaps: &'a mut Heaps,
    standings: &'a mut Standings,
    reserved: &'a mut Reserved,
    /// Visits are large, and move in here more often than they are made.
    ahead: BinaryHeap<Box<Visit<'a>>>,
    streams: BTreeMap<u32, Stream>,
}

impl Live {
    /// The best feasible tuple of all lanes that need farm-wide locks, if it ranks above the floor.
    pub(super) fn walk(&mut self, floor: Option<&Rank>, standings: &mut Standings) -> Option<Rank> {
        let graph = &self.graph;
        let mut walk = Walk {
            wants: Wants { graph, locks: &self.recipes.farm },
            heaps: &mut self.heaps,
            standings,
            reserved: &mut self.reserved,
            ahead: BinaryHeap::new(),
            streams: BTreeMap::new(),
        };
        walk.begin(floor);
        let found = walk.find(floor);
        for (lane, stream) in std::mem::take(&mut walk.streams) {
            walk.heaps.give_back(lane, stream.aside);
        }
        self.reserved.clear(graph);
        found
    }
}

impl<'a> Walk<'a> {
    /// Puts the best of each lane ahead.
    fn begin(&mut self, floor: Option<&Rank>) {
        let stirred = self.heaps.stirred().iter().copied();
        let stirred = stirred.filter(|lane| !self.wants.graph.lane(*lane).farm.is_empty());
        for lane in stirred.collect::<Vec<u32>>() {
            if let Some((rank, class, worker)) = self.heaps.top(self.wants.graph, lane, floor) {
                self.meet_head(rank, lane, (class, worker));
            }
        }
    }

    fn find(&mut self, floor: Option<&Rank>) -> Option<Rank> {
        while let Some(visit) = self.ahead.pop() {
            if floor.is_some_and(|floor| visit.rank <= *floor) {
                return None;
            }
            if let Some(found) = self.visit(visit) {
                return Some(found);
            }
        }
        None
    }

    /// The tuple, if the request may start there; if not, it reserves, and who is next comes ahead.
    fn visit(&mut self, mut visit: Box<Visit<'a>>) -> Option<Rank> {
        let (first, lane) = (visit.met != Met::Again, visit.lane);
        if first && self.reserved.close(self.wants, lane) {
            return None;
        }
        // Met for the first time, it reserves nothing yet.
        let own = (!first).then_some(visit.id);
        let fits = self.reserved.leave(self.wants, lane, own);
        if fits && !visit.left_out && (!first || self.own_locks_fit(&visit)) {
            return Some(visit.rank);
        }
        let elsewhere = if fits && first && !visit.left_out {
            let of = (visit.key, visit.id);
            let elsewhere = self.wants.graph.best_granted(self.standings, visit.class, of);
            visit.left_out = elsewhere.is_none();
            elsewhere
        } else {
            None
        };
        match first {
            true => self.reserved.reserve(self.wants, visit.id, lane),
            false => self.reserved.expect_no_more(visit.id),
        }
        if let Some(rank) = elsewhere {
            self.reserved.expect(visit.id, lane);
            self.ahead.push(Box::new(Visit { rank, met: Met::Again, ..Visit::clone(&visit) }));
        }
        if first && !self.reserved.close(self.wants, lane) {
            if visit.met == Met::Head {
                self.advance(lane);
            }
            self.meet_next(visit);
        }
        None
    }

    fn own_locks_fit(&mut self, visit: &Visit<'_>) -> bool {
        if self.wants.graph.lane(visit.lane).own.is_empty() {
            return true;
        }
        let Some(seat) = self.wants.graph.seat(visit.class, visit.worker) else { return false };
        let (request, worker) = ((visit.class, visit.id), (visit.worker, seat.worker));
        self.wants.graph.is_granted(self.standings, request, worker)
    }

    /// Puts the next request of a class ahead: it would get the same worker.
    fn meet_next(&mut self, mut visit: Box<Visit<'a>>) {
        let Some((Reverse(key), id)) = visit.behind.next() else { return };
        // Group, pair and worker say of both the same.
        visit.rank.key = visit.rank.key.minus(visit.key).plus(key);
        visit.rank.request = Reverse(*id);
        (visit.met, visit.key, visit.id) = (Met::Behind, key, *id);
        self.ahead.push(visit);
    }

    /// Puts the next class of a lane ahead.
    fn advance(&mut self, lane: u32) {
        let mut stream = self.streams.remove(&lane).unwrap_or_default();
        if stream.visited.is_empty() {
            // The first: it is what the walk just met.
            self.next_class(lane, &mut stream);
        }
        if let Some((rank, class, worker)) = self.next_class(lane, &mut stream) {
            self.meet_head(rank, lane, (class, worker));
        }
        self.streams.insert(lane, stream);
    }

    fn meet_head(&mut self, rank: Rank, lane: u32, (class, worker): (u32, u32)) {
        let of = self.wants.graph.request(class);
        let Some((key, id)) = of.head() else { return };
        let (id, behind) = (*id, of.queue.behind());
        let (met, left_out) = (Met::Head, false);
        let visit = Visit { rank, lane, class, worker, met, key, id, behind, left_out };
        self.ahead.push(Box::new(visit));
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
            if !visited && self.wants.graph.rank(class, worker).as_ref() != Some(&entry.rank) {
                self.heaps.rewrite(self.wants.graph, owner, lane);
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
        let offer = self.wants.graph.offer(worker, lane, |class| stream.visited.contains(&class));
        if let Some((rank, class)) = offer {
            stream.offers.push((rank, class, worker));
        }
    }
}

impl Ord for Visit<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Visit<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Visit<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Visit<'_> {}
