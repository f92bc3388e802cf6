//! Locks that workers have for themselves: who may have them, at one worker.
//!
//! The requests that want such a lock of a worker stand in one order there, whatever else they wait
//! for. One may have it if it fits beside what is held and what those before it want; so nobody may
//! after the first few, who want more than there is.

use super::graph::{Back, Graph, Room, fits, rank};
use super::heap::Owner;
use super::key::{Key, Rank};
use super::live_order::Live;
use super::standing::Standings;
use crate::words::RequestId;

/// Of so many classes with lines one must be free, or it is less work to forget them all.
const KNOWN_PER_FREE: usize = 16;

impl Graph {
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
            let spot = (worker, *lock, room.alone);
            if standings.is_absent(spot, id) {
                return false;
            }
            let mut taken = room.held[*lock].clone();
            for standing in standings.at(self, spot).first() {
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
        standings.grant(worker, lane, found.clone());
        found
    }

    fn find_grantable(&self, standings: &mut Standings, worker: u32, lane: u32) -> Option<Rank> {
        let lock = self.lane(lane).own.first()?.0;
        let class = self.worker(worker);
        let mut best = None;
        for room in class.rooms.iter().filter(|room| fits(self.lane(lane), room, &class.units)) {
            let Some(head) = &room.head else { continue };
            let line = standings.at(self, (worker, lock, room.alone));
            let granted = line.first().iter().find(|standing| {
                let request = (standing.class, standing.id.0);
                self.request(standing.class).lane == lane
                    && self.may_have(standings, request, (worker, room))
            });
            best = best.max(granted.map(|first| rank(&first.key, first.id.0, head)));
        }
        best
    }
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
        while let Some((rank, request, worker)) =
            self.heaps.top(&self.graph, lane, best.as_ref().or(floor))
        {
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

    /// Whether there are no lines that a change of the class could make untrue.
    fn has_no_lines(&mut self, request: u32) -> bool {
        let class = self.graph.request(request);
        if self.graph.lane(class.lane).own.is_empty() {
            return true;
        }
        self.forget_if_that_is_less_work();
        self.standings.known() == 0
    }

    fn forget_if_that_is_less_work(&mut self) {
        if self.standings.known() > self.graph.free.len() * KNOWN_PER_FREE {
            self.standings.forget_all();
        }
    }

    /// A request that wants own locks, maybe, stands nowhere, or elsewhere.
    pub(super) fn standing_lost(&mut self, request: u32, id: RequestId) {
        if !self.has_no_lines(request) {
            self.standings.lost(id);
        }
    }

    /// Requests of the class stand where they did not, and so may others behind them.
    pub(super) fn standing_gained(&mut self, request: u32) {
        if !self.has_no_lines(request) {
            self.standings.gained(&self.graph, request);
        }
    }

    /// Requests of the group stand elsewhere now, further ahead maybe: it said that before.
    pub(super) fn standings_changed(&mut self, group: u32, before: &Key) {
        self.forget_if_that_is_less_work();
        if self.standings.known() == 0 {
            return;
        }
        self.standings.shift(group, &self.graph.groups[group as usize].minus(before));
        let Some(members) = self.index.by_group.get(&group) else { return };
        if self.groups.risen.contains(&group) {
            for class in &members.own {
                self.standings.gained(&self.graph, *class);
            }
        }
    }
}
