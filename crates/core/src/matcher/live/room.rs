//! Locks that workers have for themselves: who may have them, at one worker.
//!
//! The requests that want such a lock of a worker stand in one order there, whatever else they wait
//! for. One may have it if it fits beside what is held and what those before it want; so nobody may
//! after the first few, who want more than there is.

use std::cmp::Reverse;
use std::sync::Arc;

use super::super::locks::Taken;
use super::graph::{Back, Edge, Graph, Room, fits, rank};
use super::heap::Owner;
use super::key::{Key, Rank};
use super::live_order::Live;
use crate::words::{Access, RequestId};

/// Of so many classes known one must be free, or it is less work to forget them all.
const KNOWN_PER_FREE: usize = 16;
/// With more classes known it is less work, too.
const KNOWN_MAX: usize = 64;

/// A request that wants a lock of a worker, with what all but the worker say of it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    key: Key,
    id: Reverse<RequestId>,
    class: u32,
    group: u32,
    wants: Access,
}

/// Worker class, lock, and the worker where it stands apart from its like.
type Spot = (u32, usize, Option<u32>);

/// Who stands first, by lock.
type Lines = Vec<((usize, Option<u32>), Arc<Vec<Standing>>)>;

/// The first who want a lock at a worker of a class, best first, and no more than want it all:
/// worked out when first asked for, by worker class.
#[derive(Debug, Clone, Default)]
pub(super) struct Standings {
    lines: Vec<Lines>,
    /// What lanes could get of the classes, as far as that was asked since something changed there.
    granted: Vec<Vec<(u32, Option<Rank>)>>,
    /// Classes with lines, some of them forgotten since.
    known: Vec<u32>,
    /// Whether a class is among these.
    listed: Vec<bool>,
}

impl Standings {
    fn at(&mut self, graph: &Graph, spot: Spot) -> Arc<Vec<Standing>> {
        let (class, lock, alone) = spot;
        if self.lines.len() <= class as usize {
            self.lines.resize_with(class as usize + 1, Lines::new);
            self.granted.resize_with(class as usize + 1, Vec::new);
            self.listed.resize(class as usize + 1, false);
        }
        if !std::mem::replace(&mut self.listed[class as usize], true) {
            self.known.push(class);
        }
        let lines = &mut self.lines[class as usize];
        if let Some((_, line)) = lines.iter().find(|(of, _)| *of == (lock, alone)) {
            return line.clone();
        }
        let line = Arc::new(graph.standings(spot));
        lines.push(((lock, alone), line.clone()));
        line
    }

    /// Who wants locks at workers of the class, or how they stand, may be different now.
    pub(super) fn forget(&mut self, class: u32) {
        self.forget_granted(class);
        if let Some(lines) = self.lines.get_mut(class as usize) {
            lines.clear();
        }
    }

    /// The free workers of the class are others, or what is held of their locks is.
    pub(super) fn forget_granted(&mut self, class: u32) {
        if let Some(granted) = self.granted.get_mut(class as usize) {
            granted.clear();
        }
    }

    /// The same for all classes.
    fn forget_all(&mut self) {
        for class in std::mem::take(&mut self.known) {
            self.listed[class as usize] = false;
            self.forget(class);
        }
    }

    /// Forgets the classes in whose lines such a one stands.
    fn forget_where(&mut self, stands: impl Fn(&Standing) -> bool) {
        let mut known = std::mem::take(&mut self.known);
        known.retain(|class| {
            let lines = &self.lines[*class as usize];
            if lines.iter().any(|(_, line)| line.iter().any(&stands)) {
                self.forget(*class);
            }
            let still = !self.lines[*class as usize].is_empty();
            self.listed[*class as usize] = still;
            still
        });
        self.known = known;
    }

    /// What a lane could get of a class, if that is known.
    fn granted(&self, class: u32, lane: u32) -> Option<&Option<Rank>> {
        let granted = self.granted.get(class as usize)?;
        granted.iter().find(|(of, _)| *of == lane).map(|(_, rank)| rank)
    }
}

impl Graph {
    fn standings(&self, (worker, lock, alone): Spot) -> Vec<Standing> {
        let class = self.worker(worker);
        let units = class.units[lock];
        let mut first = Vec::new();
        for of_lane in class.back.chunk_by(|a, b| a.lane == b.lane) {
            let mut own = self.lane(of_lane[0].lane).own.iter();
            if let Some((_, wants)) = own.find(|(own, _)| *own == lock) {
                of_lane.iter().for_each(|edge| self.stand(edge, *wants, units, &mut first));
            }
        }
        for (lane, wants) in self.own_lanes[lock].iter().filter(|_| alone.is_some()) {
            for edge in alone.into_iter().flat_map(|desk| self.pinned_in(desk, *lane)) {
                self.stand(&edge, *wants, units, &mut first);
            }
        }
        first
    }

    /// Lets the requests of a class stand in line, as far as there are not too many before them.
    fn stand(&self, edge: &Back, wants: Access, units: i64, first: &mut Vec<Standing>) {
        let Some((key, id)) = self.front(edge.class) else { return };
        let full = exceeded(first, units);
        if let Some(last) = first.last().filter(|_| full) {
            // Most classes stand behind: their heads tell, without a look at their queues.
            let parts = [key, &self.groups[edge.group as usize], &self.pairs[edge.pair as usize]];
            if Key::compare_sum(parts, &last.key).then(Reverse(*id).cmp(&last.id)).is_lt() {
                return;
            }
        }
        let Back { class, group, .. } = *edge;
        for (key, id) in self.request(class).queue.iter() {
            let key = self.local_at(edge, key);
            let new = Standing { key, id: Reverse(id), class, group, wants };
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
    pub(super) fn pinned_in(&self, desk: u32, lane: u32) -> impl Iterator<Item = Back> + '_ {
        let pinned = self.desks[desk as usize].pinned.iter();
        pinned.filter(move |class| self.request(**class).lane == lane).flat_map(move |class| {
            let of = self.request(*class);
            let (class, group) = (*class, of.group);
            of.edges.iter().map(move |edge| Back { lane, class, pair: edge.pair, group })
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
                let found = || Some(rank(&self.local(class, key, edge.pair), id, head));
                let better = best.is_none() || found() > best;
                if better && self.may_have(standings, (request, id), (edge.class, room)) {
                    best = found();
                }
            }
        });
        best
    }

    /// The best tuple of a worker class in a lane that its workers' own locks leave room for.
    fn best_grantable(&self, standings: &mut Standings, worker: u32, lane: u32) -> Option<Rank> {
        if let Some(known) = standings.granted(worker, lane) {
            return known.clone();
        }
        let found = self.find_grantable(standings, worker, lane);
        if let Some(granted) = standings.granted.get_mut(worker as usize) {
            granted.push((lane, found.clone()));
        }
        found
    }

    fn find_grantable(&self, standings: &mut Standings, worker: u32, lane: u32) -> Option<Rank> {
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
            let Some(entry) = self.heaps.pop(lane) else { break };
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
        self.heaps.give_back(lane, aside);
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

    /// Whether nothing is known of own locks that a change of the class could make untrue.
    fn nobody_knows(&mut self, request: u32) -> bool {
        let class = self.graph.request(request);
        if self.graph.lane(class.lane).own.is_empty() {
            return true;
        }
        self.forget_if_that_is_less_work();
        self.standings.known.is_empty()
    }

    fn forget_if_that_is_less_work(&mut self) {
        let worth = (self.graph.free.len() * KNOWN_PER_FREE).min(KNOWN_MAX);
        if self.standings.known.len() > worth {
            self.standings.forget_all();
        }
    }

    /// A request that wants own locks, maybe, stands nowhere, or elsewhere.
    pub(super) fn standing_lost(&mut self, request: u32, id: RequestId) {
        if !self.nobody_knows(request) {
            self.standings.forget_where(|standing| standing.id.0 == id);
        }
    }

    /// A request of the class stands where it did not, and so may others behind it.
    pub(super) fn standing_gained(&mut self, request: u32, (key, id): (&Key, RequestId)) {
        if self.nobody_knows(request) {
            return;
        }
        let Live { graph, standings, .. } = self;
        let class = graph.request(request);
        let known = standings.known.clone();
        let mut meet = |edge: &Edge| {
            let Some(lines) = standings.lines.get(edge.class as usize) else { return };
            let local = graph.local(class, key, edge.pair);
            let units = &graph.worker(edge.class).units;
            let stays_behind = |((lock, _), line): &((usize, Option<u32>), Arc<Vec<Standing>>)| {
                let behind = |last: &Standing| (&local, Reverse(id)) < (&last.key, last.id);
                line.last().is_some_and(behind) && exceeded(line, units[*lock])
            };
            if !lines.iter().all(stays_behind) {
                standings.forget(edge.class);
            }
        };
        if known.len() < class.edges.len() {
            known.iter().filter_map(|known| graph.edge(request, *known)).for_each(|e| meet(&e));
        } else {
            class.edges.iter().for_each(meet);
        }
    }

    /// Requests of the group stand elsewhere now, further ahead maybe.
    pub(super) fn standings_changed(&mut self, group: u32) {
        self.forget_if_that_is_less_work();
        if self.standings.known.is_empty() {
            return;
        }
        self.standings.forget_where(|standing| standing.group == group);
        let Some(members) = self.index.by_group.get(&group) else { return };
        if self.groups.risen.contains(&group) {
            for class in members.own.clone() {
                if let Some((key, id)) = self.graph.front(class).cloned() {
                    self.standing_gained(class, (&key, id));
                }
            }
        }
    }
}
