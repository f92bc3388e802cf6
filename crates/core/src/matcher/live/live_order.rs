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
use super::heap::Heaps;
use super::key::{Rank, Scale};
use super::link::Index;
use super::place_request::Place;
use super::recipes::Recipes;
use super::register::Kept;
use super::reserved::Reserved;
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
    /// Empty between two walks.
    pub(super) reserved: Reserved,
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

    /// The best feasible tuple, once the order has followed the facts.
    pub(in super::super) fn best(&mut self, now: Micros) -> Option<Match> {
        if self.graph.free.is_empty() {
            // No entry is true, and whoever will be free writes his anew.
            self.heaps.clear_all();
            return None;
        }
        let mut standings = std::mem::take(&mut self.standings);
        let mut best = self.heaps.top(&self.graph, 0, None).map(|(rank, ..)| rank);
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
