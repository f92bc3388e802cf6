//! The live order's state: how it follows the facts, and what goes next.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{Memory, Moved, World};
use super::super::keys::Moment;
use super::super::memo::Attribute;
use super::super::{Match, Size};
use super::ages::Ages;
use super::graph::Graph;
use super::groups::Groups;
use super::heap::{Heap, Owner};
use super::key::{Rank, Scale};
use super::link::Index;
use super::place_request::Place;
use super::recipes::Recipes;
use super::room::Standings;
use super::terms::Terms;
use crate::words::{Micros, RequestId};

/// What of the facts is where in the order. Empty until it follows for the first time.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Live {
    pub(super) graph: Graph,
    pub(super) heaps: Vec<Heap>,
    pub(super) index: Index,
    pub(super) recipes: Recipes,
    pub(super) groups: Groups,
    pub(super) terms: Terms,
    pub(super) names: Scale<String>,
    pub(super) places: BTreeMap<RequestId, Place>,
    pub(super) ages: Ages,
    pub(super) standings: Standings,
    /// What pair functions read, as of when the classes were formed.
    pub(super) reads: BTreeSet<Attribute>,
    /// Workers to be placed again.
    pub(super) again: BTreeSet<u32>,
    pub(super) built: bool,
    /// The classes or the numbers no longer do: everything must be placed anew.
    pub(super) stale: bool,
    pub(super) now: Micros,
}

/// What the order is followed with.
pub(super) struct With<'a> {
    pub(super) world: &'a World,
    pub(super) memory: &'a mut Memory,
    pub(super) moment: &'a Moment<'a>,
}

impl Live {
    pub(in super::super) fn now(&self) -> Micros {
        self.now
    }

    pub(in super::super) fn size(&self) -> Size {
        Size {
            request_classes: self.graph.lanes.iter().map(|lane| lane.filled.len()).sum(),
            worker_classes: self.graph.workers.iter().filter(|class| class.members > 0).count(),
            edges: self.graph.requests.iter().map(|class| class.edges.len()).sum(),
        }
    }

    /// Whether the values of some term do not compare, so that every pair must be looked at.
    pub(in super::super) fn is_mixed(&self) -> bool {
        self.terms.mixed
    }

    /// Brings the order up to the facts and the time.
    pub(in super::super) fn follow(
        &mut self,
        world: &mut World,
        memory: &mut Memory,
        moment: &Moment<'_>,
    ) {
        let moved = std::mem::take(&mut world.moved);
        let mut with = With { world, memory, moment };
        let other = !self.built || self.terms.list != moment.policy.order();
        if other || (moved.all && self.is_mixed()) || moment.now < self.now {
            self.rebuild(&mut with);
        } else if !self.is_mixed() {
            self.catch_up(&moved, &mut with);
        }
        while self.stale {
            self.rebuild(&mut with);
        }
        self.now = moment.now;
    }

    /// Forms all classes anew. Answers are remembered, so nothing is asked twice for it.
    fn rebuild(&mut self, with: &mut With<'_>) {
        let crowded = self.terms.crowded;
        let terms = if crowded && self.terms.list == with.moment.policy.order() {
            std::mem::take(&mut self.terms).spread()
        } else {
            Terms::new(with.moment.policy.order())
        };
        let mut names = std::mem::take(&mut self.names);
        *self = Live::default();
        if crowded {
            names.spread();
            self.names = names;
        }
        self.groups = Groups::new(&terms);
        self.ages = Ages::new(&terms);
        self.graph.pairs.push(terms.zero());
        self.terms = terms;
        self.recipes = Recipes::new(&with.world.locks, &mut self.graph);
        self.reads = with.memory.memo.pair_reads.clone();
        self.built = true;
        self.now = with.moment.now;
        self.catch_up(&Moved { all: true, ..Moved::default() }, with);
    }

    fn catch_up(&mut self, moved: &Moved, with: &mut With<'_>) {
        let all: Moved;
        let moved = if moved.all {
            all = self.everything(with.world);
            &all
        } else {
            moved
        };
        self.follow_holdings(moved, with);
        self.meet_recipes(&moved.requests, with);
        for name in &moved.workers {
            let desk = self.desk(name);
            self.again.insert(desk);
        }
        self.place_again(with);
        for id in &moved.requests {
            self.place_request(*id, with);
        }
        self.place_again(with);
        self.tick(with);
        self.raise_groups();
        self.stale |= self.terms.crowded || with.memory.memo.pair_reads.len() > self.reads.len();
    }

    fn everything(&self, world: &World) -> Moved {
        let mut moved = Moved::default();
        let requests: BTreeSet<RequestId> =
            self.places.keys().chain(world.requests.keys()).copied().collect();
        let desks = self.graph.desks.iter().map(|desk| &desk.name);
        let workers: BTreeSet<&String> = desks.chain(world.seats.keys()).collect();
        moved.requests = requests.into_iter().collect();
        moved.workers = workers.into_iter().cloned().collect();
        let holdings: BTreeSet<_> = self.groups.holdings().chain(world.books.ids()).collect();
        moved.holdings = holdings.into_iter().collect();
        moved.locks = world.locks.keys().cloned().collect();
        moved
    }

    fn follow_holdings(&mut self, moved: &Moved, with: &mut With<'_>) {
        if !self.groups.is_empty() {
            for id in &moved.holdings {
                let of = (with.moment.policy, &with.world.books);
                self.groups.follow(*id, of, (&mut self.terms, &mut self.graph));
            }
            for group in std::mem::take(&mut self.groups.changed) {
                let members = self.index.by_group.get(&group);
                let own = members.map(|members| members.own.clone()).unwrap_or_default();
                own.into_iter().for_each(|class| self.forget_standings(class));
            }
        }
        for name in &moved.locks {
            let Some(at) = self.recipes.farm_names.get(name) else { continue };
            let lock = &mut self.recipes.farm[*at];
            lock.taken = with.world.books.taken(&(name.clone(), None));
            lock.settle();
        }
    }

    fn place_again(&mut self, with: &mut With<'_>) {
        while let Some(desk) = self.again.pop_first() {
            self.place_worker(desk, with);
        }
    }

    /// Groups with fewer builds than before: their classes bid anew, or all free workers offer anew.
    fn raise_groups(&mut self) {
        let risen = std::mem::take(&mut self.groups.risen);
        if self.graph.free.is_empty() {
            return;
        }
        let members: Vec<_> = risen.iter().filter_map(|g| self.index.by_group.get(g)).collect();
        // Pinned classes are in no offer.
        let mut bids: Vec<u32> = members.iter().flat_map(|m| &m.pinned).copied().collect();
        let classes: usize = members.iter().map(|members| members.others.len()).sum();
        let free = &self.graph.free;
        let back = free.iter().map(|class| &self.graph.worker(*class).back);
        let offers: usize = back.map(|back| back.values().map(Vec::len).sum::<usize>()).sum();
        if offers < classes * (free.len().min(8) + 1) {
            for class in free.clone() {
                self.offer_in_all_lanes(class, None);
            }
        } else {
            bids.extend(members.iter().flat_map(|members| &members.others));
        }
        bids.into_iter().for_each(|class| self.bid(class));
    }

    /// Writes a request class's best tuple.
    pub(super) fn bid(&mut self, class: u32) {
        let lane = self.graph.request(class).lane;
        let found = self.graph.best(class);
        self.heap(lane).put(Owner::Bid(class), found);
    }

    /// Writes a worker class's best tuple in a lane.
    pub(super) fn offer(&mut self, class: u32, lane: u32) {
        let found = self.graph.offer(class, lane, |_| false);
        self.heap(lane).put(Owner::Offer(class), found);
    }

    pub(super) fn rewrite(&mut self, owner: Owner, lane: u32) {
        match owner {
            Owner::Bid(class) => self.bid(class),
            Owner::Offer(class) => self.offer(class, lane),
        }
    }

    pub(super) fn heap(&mut self, lane: u32) -> &mut Heap {
        let at = lane as usize;
        if self.heaps.len() <= at {
            self.heaps.resize_with(at + 1, Heap::default);
        }
        &mut self.heaps[at]
    }

    /// The best tuple of a lane, farm-wide locks left aside, if it ranks above the floor.
    pub(super) fn top(&mut self, lane: u32, floor: Option<&Rank>) -> Option<(Rank, u32, u32)> {
        loop {
            let entry = self.heap(lane).peek()?;
            if floor.is_some_and(|floor| entry.rank <= *floor) {
                return None;
            }
            let (request, worker) = entry.classes();
            let (owner, rank) = (entry.owner, entry.rank.clone());
            if self.graph.rank(request, worker).as_ref() == Some(&rank) {
                return Some((rank, request, worker));
            }
            self.rewrite(owner, lane);
        }
    }

    /// The best feasible tuple, once the order has followed the facts.
    pub(in super::super) fn best(&mut self, now: Micros) -> Option<Match> {
        let mut standings = std::mem::take(&mut self.standings);
        let mut best = self.top(0, None).map(|(rank, ..)| rank);
        for lane in 1..super::recipes::number(self.graph.lanes.len()) {
            if self.graph.lane(lane).is_own() {
                best = self.own_top(lane, best.as_ref(), &mut standings).or(best);
            }
        }
        let best = self.walk(best.as_ref(), &mut standings).or(best);
        self.standings = standings;
        let best = best?;
        let key = (0..self.terms.list.len()).map(|at| self.terms.value(at, best.key.at(at)));
        let worker = self.names.value(best.worker.0).cloned()?;
        Some(Match { request: best.request.0, worker, key: key.collect(), at: now })
    }
}
