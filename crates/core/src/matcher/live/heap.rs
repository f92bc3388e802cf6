//! The two-sided lazy heaps of the lanes: bids of request classes and offers of worker classes.

use std::collections::BinaryHeap;

use super::key::Rank;

/// Entries kept before the dead ones are thrown out for the first time.
const ENTRIES_MIN: usize = 64;

/// Whose entry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A request class.
    Bid(u32),
    /// A worker class.
    Offer(u32),
}

/// An upper bound of its owner's best tuple: exact when written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) rank: Rank,
    pub(super) owner: Owner,
    /// The class at the other end of the tuple.
    other: u32,
    stamp: u32,
}

impl Entry {
    /// The request class and the worker class.
    pub(super) fn classes(&self) -> (u32, u32) {
        match self.owner {
            Owner::Bid(request) => (request, self.other),
            Owner::Offer(worker) => (self.other, worker),
        }
    }
}

/// Entries of one lane, best first. An owner has one that lives; the others are dropped when they
/// are met.
#[derive(Debug, Clone, Default)]
struct Heap {
    entries: BinaryHeap<Entry>,
    /// By worker class.
    offers: Vec<u32>,
    limit: usize,
    /// Whether it is among the stirred.
    listed: bool,
}

/// The heaps of all lanes.
#[derive(Debug, Clone, Default)]
pub(super) struct Heaps {
    lanes: Vec<Heap>,
    /// By request class: each has one lane, so the lanes need no stamps of their own for all.
    bids: Vec<u32>,
    /// Lanes whose heaps may have entries.
    stirred: Vec<u32>,
}

impl Heap {
    fn lives(&self, entry: &Entry, bids: &[u32]) -> bool {
        let (stamps, class) = match entry.owner {
            Owner::Bid(class) => (bids, class),
            Owner::Offer(class) => (self.offers.as_slice(), class),
        };
        stamps.get(class as usize) == Some(&entry.stamp)
    }

    fn throw_out(&mut self, bids: &[u32]) {
        if self.entries.len() <= self.limit.max(ENTRIES_MIN) {
            return;
        }
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(|entry| self.lives(entry, bids));
        self.limit = entries.len() * 2;
        self.entries = entries;
    }
}

/// The stamp of a class's next entry.
fn next_stamp(stamps: &mut Vec<u32>, class: u32) -> u32 {
    let class = class as usize;
    if stamps.len() <= class {
        stamps.resize(class + 1, 0);
    }
    stamps[class] = stamps[class].wrapping_add(1);
    stamps[class]
}

impl Heaps {
    fn lane(&mut self, lane: u32) -> &mut Heap {
        let at = lane as usize;
        if self.lanes.len() <= at {
            self.lanes.resize_with(at + 1, Heap::default);
        }
        &mut self.lanes[at]
    }

    /// The owner's best tuple in a lane is this one from now on, or none.
    pub(super) fn put(&mut self, lane: u32, owner: Owner, found: Option<(Rank, u32)>) {
        let stamp = match owner {
            Owner::Bid(class) => next_stamp(&mut self.bids, class),
            Owner::Offer(class) => next_stamp(&mut self.lane(lane).offers, class),
        };
        let Some((rank, other)) = found else { return };
        let new = !std::mem::replace(&mut self.lane(lane).listed, true);
        self.stirred.extend(new.then_some(lane));
        let Heaps { lanes, bids, .. } = self;
        let heap = &mut lanes[lane as usize];
        heap.entries.push(Entry { rank, owner, other, stamp });
        heap.throw_out(bids);
    }

    /// The best entry of a lane that lives.
    pub(super) fn peek(&mut self, lane: u32) -> Option<&Entry> {
        let Heaps { lanes, bids, .. } = self;
        let heap = lanes.get_mut(lane as usize)?;
        while !heap.lives(heap.entries.peek()?, bids) {
            heap.entries.pop();
        }
        heap.entries.peek()
    }

    /// Takes the best entry that lives out, to be given back or replaced.
    pub(super) fn pop(&mut self, lane: u32) -> Option<Entry> {
        self.peek(lane)?;
        self.lane(lane).entries.pop()
    }

    pub(super) fn give_back(&mut self, lane: u32, entries: Vec<Entry>) {
        self.lane(lane).entries.extend(entries);
    }

    /// The owners of a lane have no entry any more.
    pub(super) fn clear(&mut self, lane: u32) {
        self.lane(lane).entries.clear();
    }

    /// Nor have those of any lane.
    pub(super) fn clear_all(&mut self) {
        for lane in std::mem::take(&mut self.stirred) {
            let heap = self.lane(lane);
            heap.listed = false;
            heap.entries.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|heap| heap.entries.is_empty())
    }

    /// The lanes that may have entries.
    pub(super) fn stirred(&mut self) -> &[u32] {
        let Heaps { lanes, stirred, .. } = self;
        stirred.retain(|lane| {
            let heap = &mut lanes[*lane as usize];
            heap.listed = !heap.entries.is_empty();
            heap.listed
        });
        stirred
    }
}
