//! How the live order follows the facts: holdings first, then workers, then requests, then time.

use std::collections::BTreeSet;

use super::super::facts::{Memory, Moved, World};
use super::super::keys::Moment;
use super::ages::Ages;
use super::groups::Groups;
use super::live_order::{Live, With};
use super::recipes::Recipes;
use super::terms::Terms;
use crate::words::RequestId;

impl Live {
    /// Brings the order up to the facts and the time.
    pub(in super::super) fn follow(
        &mut self,
        world: &mut World,
        memory: &mut Memory,
        moment: &Moment<'_>,
        slice: &mut usize,
    ) {
        let moved = std::mem::take(&mut world.moved);
        let mut with = With { world, memory, moment, slice };
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
        let before = self.seen_so_far();
        *self = Live::keeping(self.kept);
        self.sight.resume(before);
        // At least one call: so that all that is remembered takes part again at once.
        *with.slice = (*with.slice).max(1);
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
        self.look(with);
        self.place_again(with);
        self.stale |= self.terms.crowded || with.memory.memo.pair_reads.len() > self.reads.len();
    }

    fn everything(&self, world: &World) -> Moved {
        let mut moved = Moved::default();
        let requests: BTreeSet<RequestId> =
            self.places.keys().chain(world.requests.keys()).copied().collect();
        let desks = self.graph.desks.iter().map(|desk| &desk.name);
        let workers: BTreeSet<&String> = desks.chain(world.seats.names()).collect();
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
            self.forget_changed_groups();
        }
        self.raise_groups();
        for name in &moved.locks {
            let Some(at) = self.recipes.farm_names.get(name).copied() else { continue };
            let lock = &mut self.recipes.farm[at];
            lock.taken = with.world.books.taken_of(name);
            let was_dead = lock.dead;
            lock.settle();
            if lock.dead != was_dead {
                self.wake_or_sleep(at);
            }
        }
    }

    /// Requests of groups that say something else stand elsewhere now.
    fn forget_changed_groups(&mut self) {
        for (group, before) in std::mem::take(&mut self.groups.changed) {
            self.standings_changed(group, &before);
        }
    }

    /// Lanes that need the lock fall asleep, or wake up and write what they did not meanwhile.
    pub(super) fn wake_or_sleep(&mut self, lock: usize) {
        for (lane, _) in self.recipes.farm[lock].lanes.clone() {
            let asleep = self.recipes.sleeps(self.graph.lane(lane));
            let was = std::mem::replace(&mut self.graph.lanes[lane as usize].asleep, asleep);
            if asleep && !was {
                self.heaps.clear(lane);
            } else if was && !asleep {
                self.write_all(lane);
            }
        }
    }

    /// All bids of a lane, or the offers of all free workers if those are fewer.
    fn write_all(&mut self, lane: u32) {
        let (filled, free) = (&self.graph.lane(lane).filled, &self.graph.free);
        // Whoever will be free writes what there is for him then.
        if free.is_empty() {
            return;
        }
        if filled.len() <= free.len() {
            filled.clone().into_iter().for_each(|class| self.heaps.bid(&self.graph, class));
            return;
        }
        let pinned = filled.iter().filter(|class| self.graph.request(**class).pinned.is_some());
        let (pinned, free): (Vec<u32>, Vec<u32>) = (pinned.copied().collect(), free.clone());
        pinned.into_iter().for_each(|class| self.heaps.bid(&self.graph, class));
        free.into_iter().for_each(|class| self.heaps.offer(&self.graph, class, lane));
    }

    fn place_again(&mut self, with: &mut With<'_>) {
        while let Some(desk) = self.again.pop_first() {
            self.place_worker(desk, with);
        }
    }

    /// Groups with fewer builds than before: their classes bid anew, or all free workers offer.
    fn raise_groups(&mut self) {
        let risen = std::mem::take(&mut self.groups.risen);
        if risen.is_empty() || self.graph.free.is_empty() {
            return;
        }
        let members: Vec<_> = risen.iter().filter_map(|g| self.index.by_group.get(g)).collect();
        // Pinned classes are in no offer.
        let mut bids: Vec<u32> = members.iter().flat_map(|m| &m.pinned).copied().collect();
        let classes: usize = members.iter().map(|members| members.others.len()).sum();
        let free = &self.graph.free;
        let offers: usize = free.iter().map(|class| self.graph.worker(*class).back.len()).sum();
        if offers < classes * (free.len().min(8) + 1) {
            for class in free.clone() {
                self.offer_in_all_lanes(class, None);
            }
        } else {
            bids.extend(members.iter().flat_map(|members| &members.others));
        }
        bids.into_iter().for_each(|class| self.heaps.bid(&self.graph, class));
    }
}
