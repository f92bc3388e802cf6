//! All requests in the order of their best tuples, from the classes: what the queue page and
//! explanations are made from. Nothing here changes the live order.

use std::cmp::Reverse;

use super::graph::{Desk, Edge, Head, RequestClass};
use super::key::Rank;
use super::live_order::Live;
use crate::words::RequestId;

/// The best open worker of each class, and which workers are open.
pub(super) struct Open<'a> {
    heads: Vec<Option<&'a Head>>,
    desks: Vec<bool>,
}

impl Live {
    /// The best tuples of all requests that some open worker could ever run, best first.
    pub(in super::super) fn line(&self, open: impl Fn(&str) -> bool) -> Vec<RequestId> {
        let open = self.open(|desk| open(&desk.name));
        let mut line = Vec::with_capacity(self.places.len());
        for class in self.graph.lanes.iter().flat_map(|lane| &lane.filled) {
            self.stand_in_line(self.graph.request(*class), &open, &mut line);
        }
        line.sort_unstable_by(|a, b| b.cmp(a));
        line.into_iter().map(|rank| rank.request.0).collect()
    }

    pub(super) fn open(&self, open: impl Fn(&Desk) -> bool) -> Open<'_> {
        let mut found = Open { heads: vec![None; self.graph.workers.len()], desks: Vec::new() };
        for desk in &self.graph.desks {
            let class = desk.class.filter(|_| !desk.broken && open(desk));
            found.desks.push(class.is_some());
            if let Some(class) = class {
                let head = &mut found.heads[class as usize];
                if head.is_none_or(|known| desk.head.beats(known)) {
                    *head = Some(&desk.head);
                }
            }
        }
        found
    }

    /// Adds the best tuples of the requests of a class, if any open worker could run them.
    pub(super) fn stand_in_line(
        &self,
        class: &RequestClass,
        open: &Open<'_>,
        line: &mut Vec<Rank>,
    ) {
        let seat = |edge: &Edge| {
            let head = match class.pinned {
                Some(pin) => {
                    Some(&self.graph.desks[pin as usize].head).filter(|_| open.desks[pin as usize])
                }
                None => open.heads[edge.class as usize],
            }?;
            let worth = self.graph.pairs[edge.pair as usize].plus(&head.key);
            Some((worth, Reverse(head.label)))
        };
        let Some((worth, worker)) = class.edges.iter().filter_map(seat).max() else { return };
        let worth = worth.plus(&self.graph.groups[class.group as usize]);
        line.extend(class.queue.iter().map(|(key, id)| {
            let key = key.plus(&worth);
            Rank { key, request: Reverse(id), worker }
        }));
    }

    /// The class of a request, if what keeps it from a worker is the same for all of the class.
    pub(in super::super) fn class_of_request(&self, request: RequestId) -> Option<u32> {
        let class = self.places.get(&request)?.class?;
        self.graph.request(class).pinned.is_none().then_some(class)
    }

    /// Whether nothing lasting keeps the requests of a class from the workers of another.
    pub(in super::super) fn may_meet(&self, request: u32, worker: u32) -> bool {
        self.graph.edge(request, worker).is_some()
    }

    /// The class of a worker, if what keeps requests from it is the same for all of the class.
    pub(in super::super) fn class_of_worker(&self, name: &str) -> Option<u32> {
        let desk = &self.graph.desks[*self.index.desks.get(name)? as usize];
        desk.class.filter(|_| !desk.broken)
    }
}
