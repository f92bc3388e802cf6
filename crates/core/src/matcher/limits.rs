//! What `max_builds` means. A builder's is a lock of the farm, of which each of its builds takes a
//! unit until its last step ends: so it is reserved, waited for and explained like any other. A
//! worker's is counted beside its slots.

use std::collections::BTreeMap;
use std::sync::Arc;

use globset::GlobMatcher;

use super::{Candidate, Holding};
use crate::farm::{Farm, Lock, LockCapacity, compiled};
use crate::words::{Access, HeldLock};

/// What the names of such locks begin with. No lock that people declare has a space in its name.
const PLACES: &str = "builder ";

/// The name of the lock that stands for a builder's `max_builds`.
fn places(builder: &str) -> String {
    format!("{PLACES}{builder}")
}

/// The builder whose `max_builds` a lock stands for.
pub(super) fn limited(lock: &str) -> Option<&str> {
    lock.strip_prefix(PLACES)
}

/// All locks of a farm: those it declares, and one for each builder with `max_builds`.
pub(super) fn locks(farm: &Farm) -> BTreeMap<String, Lock> {
    let mut locks = farm.locks.clone();
    for (name, builder) in &farm.builders {
        if let Some(most) = builder.max_builds {
            let (name, capacity) = (places(name), LockCapacity::Units(most));
            locks.insert(name.clone(), Lock { name, per_worker: false, capacity });
        }
    }
    locks
}

fn place(builder: &str) -> HeldLock {
    HeldLock { lock: places(builder), access: Access::Counting(1) }
}

impl Holding {
    /// The locks it holds, its place among the builds of its builder included.
    pub(super) fn takes(&self) -> impl Iterator<Item = HeldLock> + '_ {
        let declared = self.locks.iter().filter(|held| limited(&held.lock).is_none()).cloned();
        declared.chain(self.runs.as_deref().map(place))
    }
}

/// `max_builds` of builders and workers.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    /// By builder, what each of its builds takes.
    places: BTreeMap<String, HeldLock>,
    by_name: BTreeMap<String, Option<i64>>,
    globs: Vec<(GlobMatcher, Option<i64>)>,
}

impl Limits {
    pub(super) fn of(farm: &Farm) -> Limits {
        let limited = farm.builders.iter().filter(|(_, builder)| builder.max_builds.is_some());
        let places = limited.map(|(name, _)| (name.clone(), place(name))).collect();
        let mut limits = Limits { places, ..Limits::default() };
        if farm.workers.iter().all(|worker| worker.max_builds.is_none()) {
            return limits;
        }
        for worker in &farm.workers {
            if !worker.pattern {
                limits.by_name.entry(worker.name.clone()).or_insert(worker.max_builds);
            } else if let Some(glob) = compiled(&worker.name) {
                limits.globs.push((glob, worker.max_builds));
            }
        }
        limits
    }

    /// Makes a request want a place among the builds of its builder, where there are so many.
    pub(super) fn apply(&self, candidate: &mut Candidate) {
        let wanted = self.places.get(candidate.view.builder.as_str());
        let found = candidate.recipe.locks.iter().find(|held| limited(&held.lock).is_some());
        if found != wanted {
            let recipe = Arc::make_mut(&mut candidate.recipe);
            recipe.locks.retain(|held| limited(&held.lock).is_none());
            recipe.locks.extend(wanted.cloned());
        }
    }

    /// The locks a holding takes, its place among the builds of its builder included where there
    /// are so many.
    pub(super) fn takes<'a>(&'a self, holding: &'a Holding) -> impl Iterator<Item = &'a HeldLock> {
        let place = holding.runs.as_ref().and_then(|builder| self.places.get(builder));
        holding.locks.iter().filter(|held| limited(&held.lock).is_none()).chain(place)
    }

    /// How many builds run steps at once on the worker of that name; `None`: any number.
    pub(super) fn most(&self, worker: &str) -> Option<i64> {
        let named = self.by_name.get(worker).copied();
        let by_glob = || self.globs.iter().find(|(glob, _)| glob.is_match(worker)).map(|(_, n)| *n);
        named.or_else(by_glob).flatten()
    }
}
