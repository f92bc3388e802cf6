//! The two-sided lazy heap of a lane: bids of request classes and offers of worker classes.

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

/// Entries, best first. An owner has one that lives; the others are dropped when they are met.
#[derive(Debug, Clone, Default)]
pub(super) struct Heap {
    entries: BinaryHeap<Entry>,
    bids: Vec<u32>,
    offers: Vec<u32>,
    limit: usize,
    /// Whether the live order has it among the heaps that may have entries.
    pub(super) listed: bool,
}

impl Heap {
    /// The owner's best tuple is this one from now on, or none.
    pub(super) fn put(&mut self, owner: Owner, found: Option<(Rank, u32)>) {
        let (stamps, class) = match owner {
            Owner::Bid(class) => (&mut self.bids, class as usize),
            Owner::Offer(class) => (&mut self.offers, class as usize),
        };
        if stamps.len() <= class {
            stamps.resize(class + 1, 0);
        }
        stamps[class] = stamps[class].wrapping_add(1);
        if let Some((rank, other)) = found {
            self.entries.push(Entry { rank, owner, other, stamp: stamps[class] });
            self.throw_out();
        }
    }

    fn throw_out(&mut self) {
        if self.entries.len() <= self.limit.max(ENTRIES_MIN) {
            return;
        }
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(|entry| self.lives(entry));
        self.limit = entries.len() * 2;
        self.entries = entries;
    }

    fn lives(&self, entry: &Entry) -> bool {
        let (stamps, class) = match entry.owner {
            Owner::Bid(class) => (&self.bids, class),
            Owner::Offer(class) => (&self.offers, class),
        };
        stamps.get(class as usize) == Some(&entry.stamp)
    }

    /// The best entry that lives.
    pub(super) fn peek(&mut self) -> Option<&Entry> {
        while !self.lives(self.entries.peek()?) {
            self.entries.pop();
        }
        self.entries.peek()
    }

    /// Takes the best entry that lives out, to be given back or replaced.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.peek()?;
        self.entries.pop()
    }

    pub(super) fn give_back(&mut self, entries: Vec<Entry>) {
        self.entries.extend(entries);
    }

    /// All owners have no entry.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
