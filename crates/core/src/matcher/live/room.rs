//! Locks that workers have for themselves: who may have them, at one worker.
//!
//! The requests that want such a lock of a worker stand in one order there, whatever else they wait
//! for. One may have it if it fits beside what is held and what those before it want; so nobody may
//! after the first few, who want more than there is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::locks::Taken;
use super::graph::{Back, Edge, Graph, Room, fits, rank};
use super::heap::Owner;
use super::key::{Key, Rank};
use super::live_order::Live;
use crate::words::{Access, RequestId};

/// A request that wants a lock of a worker, with what all but the worker say of it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    key: Key,
    id: Reverse<RequestId>,
    class: u32,
    wants: Access,
}

/// Worker class, lock, and the worker where it stands apart from its like.
type Spot = (u32, usize, Option<u32>);

/// Who stands first, by lock.
type Lines = BTreeMap<(usize, Option<u32>), Arc<Vec<Standing>>>;

/// The first who want a lock at a worker of a class, best first, and no more than want it all:
/// worked out when first asked for, by worker class.
#[derive(Debug, Clone, Default)]
pub(super) struct Standings {
    lines: Vec<Lines>,
    /// Classes with lines, some of them forgotten since or named twice.
    known: Vec<u32>,
}

impl Standings {
    fn at(&mut self, graph: &Graph, spot: Spot) -> Arc<Vec<Standing>> {
        let (class, lock, alone) = spot;
        if self.lines.len() <= class as usize {
            self.lines.resize_with(class as usize + 1, Lines::new);
        }
        if self.lines[class as usize].is_empty() {
            self.known.push(class);
            if self.known.len() > self.lines.len() * 2 {
                self.known.sort_unstable();
                self.known.dedup();
            }
        }
        let lines = &mut self.lines[class as usize];
        lines.entry((lock, alone)).or_insert_with(|| Arc::new(graph.standings(spot))).clone()
    }

    /// Who wants locks at workers of the class, or how they stand, may be different now.
    pub(super) fn forget(&mut self, class: u32) {
        if let Some(lines) = self.lines.get_mut(class as usize) {
            lines.clear();
        }
    }

    /// The same for all classes.
    pub(super) fn forget_all(&mut self) {
        for class in self.known.drain(..) {
            self.lines[class as usize].clear();
        }
    }

    /// At most how many classes it knows anything about.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }
}

impl Graph {
    fn standings(&self, (worker, lock, alone): Spot) -> Vec<Standing> {
        let class = self.worker(worker);
        let units = class.units[lock];
        let mut first = Vec::new();
        for (lane, wants) in &self.own_lanes[lock] {
            let pinned = alone.into_iter().flat_map(|desk| self.pinned_in(desk, *lane));
            let back = class.back_in(*lane).iter().map(Back::edge);
            for edge in back.chain(pinned) {
                self.stand(edge, *wants, units, &mut first);
            }
        }
        first
    }

    /// Lets the requests of a class stand in line, as far as there are not too many before them.
    fn stand(&self, edge: Edge, wants: Access, units: i64, first: &mut Vec<Standing>) {
        let class = self.request(edge.class);
        let Some((key, id)) = class.head() else { return };
        let full = exceeded(first, units);
        if let Some(last) = first.last().filter(|_| full) {
            // Most classes stand behind: their heads tell, without a look at their queues.
            let head = self.local(class, key, edge.pair);
            if (&head, Reverse(*id)) < (&last.key, last.id) {
                return;
            }
        }
        for (key, id) in class.queue.iter() {
            let key = self.local(class, key, edge.pair);
            let new = Standing { key, id: Reverse(id), class: edge.class, wants };
            let at = first.partition_point(|standing| *standing > new);
            if at == first.len() && exceeded(first, units) {
                return;
            }
            first.insert(at, new);
            while exceeded(&first[..first.len() - 1], units) {
                first.pop();
            }
        }
    }

    /// The edges of the classes of a lane that are pinned to a worker.
    pub(super) fn pinned_in(&self, desk: u32, lane: u32) -> impl Iterator<Item = Edge> + '_ {
        let pinned = self.desks[desk as usize].pinned.iter();
        pinned.filter(move |class| self.request(**class).lane == lane).flat_map(|class| {
            self.request(*class).edges.iter().map(|edge| Edge { class: *class, pair: edge.pair })
        })
    }

    /// Whether a request may have the own locks of a worker in that room, reservations included.
    fn may_have(
        &self,
        standings: &mut Standings,
        (request, id): (u32, RequestId),
        (worker, room): (u32, &Room),
    ) -> bool {
        let units = &self.worker(worker).units;
        let mut own = self.lane(self.request(request).lane).own.iter();
        own.all(|(lock, wants)| {
            let mut taken = room.held[*lock].clone();
            for standing in standings.at(self, (worker, *lock, room.alone)).iter() {
                if standing.id.0 == id {
                    return taken.leaves(*wants, units[*lock]);
                }
                taken.add(standing.wants);
            }
            false
        })
    }

    /// Whether a request may have the own locks of that very worker.
    pub(super) fn is_granted(
        &self,
        standings: &mut Standings,
        request: (u32, RequestId),
        (class, worker): (u32, u32),
    ) -> bool {
        let Some(room) = self.desks[worker as usize].room else { return false };
        self.may_have(standings, request, (class, &self.worker(class).rooms[room]))
    }

    /// The best tuple of a request that the own locks of its workers leave room for.
    pub(super) fn best_granted(
        &self,
        standings: &mut Standings,
        request: u32,
        (key, id): (&Key, RequestId),
    ) -> Option<Rank> {
        let class = self.request(request);
        let mut best = None;
        self.each_free(request, |edge| {
            for (at, room) in self.worker(edge.class).rooms.iter().enumerate() {
                let Some(head) = &room.head else { continue };
                let pin = class.pinned.map(|pin| &self.desks[pin as usize]);
                if pin.is_some_and(|desk| desk.room != Some(at)) {
                    continue;
                }
                let found = Some(rank(&self.local(class, key, edge.pair), id, head));
                if found > best && self.may_have(standings, (request, id), (edge.class, room)) {
                    best = found;
                }
            }
        });
        best
    }

    /// The best tuple of a worker class in a lane that its workers' own locks leave room for.
    fn best_grantable(&self, standings: &mut Standings, worker: u32, lane: u32) -> Option<Rank> {
        let lock = self.lane(lane).own.first()?.0;
        let class = self.worker(worker);
        let mut best = None;
        for room in class.rooms.iter().filter(|room| fits(self.lane(lane), room, &class.units)) {
            let Some(head) = &room.head else { continue };
            let first = standings.at(self, (worker, lock, room.alone));
            let granted = first.iter().find(|standing| {
                let request = (standing.class, standing.id.0);
                self.request(standing.class).lane == lane
                    && self.may_have(standings, request, (worker, room))
            });
            best = best.max(granted.map(|first| rank(&first.key, first.id.0, head)));
        }
        best
    }
}

/// Whether these want more than there is.
fn exceeded(standings: &[Standing], units: i64) -> bool {
    let mut taken = Taken::default();
    standings.iter().for_each(|standing| taken.add(standing.wants));
    !taken.leaves(Access::Counting(0), units)
}

impl Live {
    /// The best feasible tuple of a lane that needs only own locks, if it ranks above the floor.
    pub(super) fn own_top(
        &mut self,
        lane: u32,
        floor: Option<&Rank>,
        standings: &mut Standings,
    ) -> Option<Rank> {
        let (mut aside, mut best, mut seen) = (Vec::new(), None, 0);
        while let Some((rank, request, worker)) = self.top(lane, best.as_ref().or(floor)) {
            let Some(entry) = self.heap(lane).pop() else { break };
            let owner = entry.owner;
            aside.push(entry);
            let id = rank.request.0;
            let seat = self.graph.seat(request, worker).map(|seat| seat.worker);
            let found = if seat
                .is_some_and(|seat| self.graph.is_granted(standings, (request, id), (worker, seat)))
            {
                Some(rank)
            } else {
                // Somebody before it waits for something else.
                seen += self.graph.free.len().min(self.graph.request(request).edges.len());
                self.granted_to(owner, lane, standings)
            };
            if found.as_ref() > best.as_ref().or(floor) {
                best = found;
            }
            if seen > self.graph.free.len() {
                let free = self.graph.free.iter();
                let all = free.filter_map(|c| self.graph.best_grantable(standings, *c, lane)).max();
                best = all.filter(|all| floor.is_none_or(|floor| all > floor));
                break;
            }
        }
        self.heap(lane).give_back(aside);
        best
    }

    /// The best tuple of an owner that reservations leave room for.
    fn granted_to(&self, owner: Owner, lane: u32, standings: &mut Standings) -> Option<Rank> {
        match owner {
            Owner::Offer(worker) => self.graph.best_grantable(standings, worker, lane),
            Owner::Bid(request) => {
                let (key, id) = self.graph.request(request).head()?;
                self.graph.best_granted(standings, request, (key, *id))
            }
        }
    }

    /// A request class that wants own locks has other requests now, or its group says otherwise.
    pub(super) fn forget_standings(&mut self, request: u32) {
        let class = self.graph.request(request);
        if self.graph.lane(class.lane).own.is_empty() {
            return;
        }
        if class.edges.len() > self.standings.known() {
            self.standings.forget_all();
        } else {
            class.edges.iter().for_each(|edge| self.standings.forget(edge.class));
        }
    }
}
