//! Entries as the graph has them: written when something rises, checked when they are on top.

use super::graph::Graph;
use super::heap::{Heaps, Owner};
use super::key::Rank;

impl Heaps {
    /// Writes a request class's best tuple.
    pub(super) fn bid(&mut self, graph: &Graph, class: u32) {
        let lane = graph.request(class).lane;
        if !graph.lane(lane).asleep {
            self.put(lane, Owner::Bid(class), graph.best(class));
        }
    }

    /// Writes a worker class's best tuple in a lane.
    pub(super) fn offer(&mut self, graph: &Graph, class: u32, lane: u32) {
        if !graph.lane(lane).asleep {
            self.put(lane, Owner::Offer(class), graph.offer(class, lane, |_| false));
        }
    }

    /// Writes an entry that was found to be too high.
    pub(super) fn rewrite(&mut self, graph: &Graph, owner: Owner, lane: u32) {
        match owner {
            Owner::Bid(class) => self.bid(graph, class),
            Owner::Offer(class) => self.offer(graph, class, lane),
        }
    }

    /// The best tuple of a lane, farm-wide locks left aside, if it ranks above the floor.
    pub(super) fn top(
        &mut self,
        graph: &Graph,
        lane: u32,
        floor: Option<&Rank>,
    ) -> Option<(Rank, u32, u32)> {
        loop {
            let entry = self.peek(lane)?;
            if floor.is_some_and(|floor| entry.rank <= *floor) {
                return None;
            }
            let (request, worker) = entry.classes();
            let (owner, rank) = (entry.owner, entry.rank.clone());
            if graph.rank(request, worker).as_ref() == Some(&rank) {
                return Some((rank, request, worker));
            }
            self.rewrite(graph, owner, lane);
        }
    }
}
