//! Changes that a disk was told and has not made safe yet, in their order.

use std::collections::VecDeque;

/// The changes, and how many there were before them.
#[derive(Debug)]
pub(crate) struct Pending<C> {
    changes: VecDeque<C>,
    /// How many changes are safe, or mean nothing any more.
    past: u64,
}

impl<C> Default for Pending<C> {
    fn default() -> Pending<C> {
        Pending { changes: VecDeque::new(), past: 0 }
    }
}

impl<C> Pending<C> {
    pub(crate) fn push(&mut self, change: C) {
        self.changes.push_back(change);
    }

    /// The moment a sync that begins now makes safe.
    pub(crate) fn mark(&self) -> u64 {
        self.past + self.changes.len() as u64
    }

    /// Everything up to that moment is safe: hands it over.
    pub(crate) fn sync(&mut self, mark: u64, mut apply: impl FnMut(C)) {
        while self.past < mark
            && let Some(change) = self.changes.pop_front()
        {
            self.past += 1;
            apply(change);
        }
    }

    /// None of it matters any more.
    pub(crate) fn forget(&mut self) {
        self.past = self.mark();
        self.changes.clear();
    }

    /// All that a power cut may take.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = C> + use<C> {
        std::mem::take(self).changes.into_iter()
    }
}
