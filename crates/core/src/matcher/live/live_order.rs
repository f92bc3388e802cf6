//! The live order's state: how it follows the facts, and what goes next.

use std::collections::BTreeSet;

use foldhash::HashMap;

use super::super::facts::{Memory, World};
use super::super::keys::Moment;
use super::super::memo::Attribute;
use super::super::{Match, Size};
use super::ages::Ages;
use super::graph::Graph;
use super::groups::Groups;
use super::heap::{Heaps, Owner};
use super::key::{Rank, Scale};
use super::link::Index;
use super::place_request::Place;
use super::recipes::Recipes;
use super::register::Kept;
use super::sight::Sight;
use super::standing::Standings;
use super::sweep::Gone;
use super::terms::Terms;
use crate::words::{Micros, RequestId};

/// What of the facts is where in the order. Empty until it follows for the first time.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Live {
    pub(super) graph: Graph,
    pub(super) heaps: Heaps,
    /// Offers about to be written; empty in between.
    pub(super) written: Vec<(u32, Option<(Rank, u32)>)>,
    pub(super) index: Index,
    pub(super) recipes: Recipes,
    pub(super) groups: Groups,
    pub(super) terms: Terms,
    pub(super) names: Scale<String>,
    /// Walked only where order does not matter.
    pub(super) places: HashMap<RequestId, Place>,
    pub(super) ages: Ages,
    pub(super) standings: Standings,
    /// What pair functions read, as of when the classes were formed.
    pub(super) reads: BTreeSet<Attribute>,
    /// Workers to be placed again.
    pub(super) again: BTreeSet<u32>,
    pub(super) sight: Sight,
    pub(super) gone: Gone,
    pub(super) kept: Kept,
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
    /// How many pairs of new classes may still be looked at.
    pub(super) slice: &'a mut usize,
}

impl Live {
    /// One that knows nothing yet, and keeps so many classes without members.
    pub(in super::super) fn keeping(kept: Kept) -> Live {
        Live { kept, ..Live::default() }
    }

    /// How many classes without members it keeps.
    pub(in super::super) fn kept(&self) -> Kept {
        self.kept
    }

    pub(in super::super) fn now(&self) -> Micros {
        self.now
    }

    /// Whether the order was formed.
    pub(in super::super) fn is_built(&self) -> bool {
        self.built
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

    /// Writes a request class's best tuple.
    pub(super) fn bid(&mut self, class: u32) {
        let lane = self.graph.request(class).lane;
        if self.graph.lane(lane).asleep {
            return;
        }
        let found = self.graph.best(class);
        self.heaps.put(lane, Owner::Bid(class), found);
    }

    /// The lanes that need locks of the farm and may have entries.
    pub(super) fn stirred_lanes(&mut self) -> Vec<u32> {
        let stirred = self.heaps.stirred().iter().copied();
        stirred.filter(|lane| !self.graph.lane(*lane).farm.is_empty()).collect()
    }

    /// Writes a worker class's best tuple in a lane.
    pub(super) fn offer(&mut self, class: u32, lane: u32) {
        if self.graph.lane(lane).asleep {
            return;
        }
        let found = self.graph.offer(class, lane, |_| false);
        self.heaps.put(lane, Owner::Offer(class), found);
    }

    pub(super) fn rewrite(&mut self, owner: Owner, lane: u32) {
        match owner {
            Owner::Bid(class) => self.bid(class),
            Owner::Offer(class) => self.offer(class, lane),
        }
    }

    /// The best tuple of a lane, farm-wide locks left aside, if it ranks above the floor.
    pub(super) fn top(&mut self, lane: u32, floor: Option<&Rank>) -> Option<(Rank, u32, u32)> {
        loop {
            let entry = self.heaps.peek(lane)?;
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
        if self.graph.free.is_empty() {
            // No entry is true, and whoever will be free writes his anew.
            self.heaps.clear_all();
            return None;
        }
        let mut standings = std::mem::take(&mut self.standings);
        let mut best = self.top(0, None).map(|(rank, ..)| rank);
        for at in 0..self.recipes.own_only.len() {
            let lane = self.recipes.own_only[at];
            best = self.own_top(lane, best.as_ref(), &mut standings).or(best);
        }
        let best = self.walk(best.as_ref(), &mut standings).or(best);
        self.standings = standings;
        self.matched(&best?, now)
    }

    /// A tuple of the order, in the words of its terms.
    pub(super) fn matched(&self, best: &Rank, now: Micros) -> Option<Match> {
        let key = (0..self.terms.list.len()).map(|at| self.terms.value(at, best.key.at(at)));
        let worker = self.names.value(best.worker.0).cloned()?;
        let (request, key) = (best.request.0, key.collect());
        Some(Match { request, worker, key, at: now, backfill: None })
    }
}
