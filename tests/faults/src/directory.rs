//! The names in a directory: as they are listed, and as a power cut would leave them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::chance::Chance;
use crate::pending::Pending;

/// What a name leads to: the number of a node.
pub(crate) type Number = u64;

/// What changes at once: names that lead elsewhere from now on, or nowhere.
type Change = Vec<(OsString, Option<Number>)>;

/// The names, the safe ones, and the changes between the two.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    live: BTreeMap<OsString, Number>,
    safe: BTreeMap<OsString, Number>,
    pending: Pending<Change>,
}

impl Directory {
    pub(crate) fn names(&self) -> &BTreeMap<OsString, Number> {
        &self.live
    }

    pub(crate) fn get(&self, name: &OsStr) -> Option<Number> {
        self.live.get(name).copied()
    }

    /// All of it, or nothing, will survive.
    pub(crate) fn change(&mut self, change: Change) {
        apply(&mut self.live, &change);
        self.pending.push(change);
    }

    /// The moment a sync that begins now makes safe.
    pub(crate) fn mark(&self) -> u64 {
        self.pending.mark()
    }

    /// Everything up to that moment is safe.
    pub(crate) fn sync(&mut self, mark: u64) {
        let safe = &mut self.safe;
        self.pending.sync(mark, |change| apply(safe, &change));
    }

    /// What a power cut leaves of it; answers how many changes it took.
    pub(crate) fn lose(&mut self, chance: &mut Chance) -> u64 {
        let mut lost = 0;
        let mut left = std::mem::take(&mut self.safe);
        for change in self.pending.take() {
            match chance.survives() {
                true => apply(&mut left, &change),
                false => lost += 1,
            }
        }
        *self = Directory { live: left.clone(), safe: left, ..Directory::default() };
        lost
    }
}

fn apply(names: &mut BTreeMap<OsString, Number>, change: &Change) {
    for (name, number) in change {
        match number {
            Some(number) => drop(names.insert(name.clone(), *number)),
            None => drop(names.remove(name)),
        }
    }
}
