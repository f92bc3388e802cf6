//! Whether a worker could ever take a request, whatever runs at the moment.

use std::collections::BTreeMap;

use super::locks::needs;
use super::{Recipe, Why};
use crate::farm::{Farm, Lock, matches_glob};
use crate::words::{Access, HeldLock, Value};

/// The lasting predicates, in their order; the first that says no.
pub(super) fn eligible(
    recipe: &Recipe,
    name: &str,
    labels: &BTreeMap<String, Value>,
    locks: &BTreeMap<String, Lock>,
) -> Result<(), Why> {
    pin(recipe, name)?;
    if !recipe.workers.is_empty() && !recipe.workers.iter().any(|g| matches_glob(g, name)) {
        return Err(Why::NotInWorkers { globs: recipe.workers.clone() });
    }
    labels_met(recipe, labels)?;
    locks_fit(&recipe.locks, name, locks)
}

fn pin(recipe: &Recipe, name: &str) -> Result<(), Why> {
    match &recipe.pinned {
        Some(pin) if pin != name => Err(Why::PinnedElsewhere { to: pin.clone() }),
        _ => Ok(()),
    }
}

/// Every required label is there and equal.
pub(super) fn labels_met(recipe: &Recipe, labels: &BTreeMap<String, Value>) -> Result<(), Why> {
    for (label, wanted) in &recipe.requires {
        let (label, wanted) = (label.clone(), wanted.clone());
        match labels.get(&label) {
            None => return Err(Why::LabelMissing { label, wanted }),
            Some(found) if *found != wanted => {
                return Err(Why::LabelDiffers { label, wanted, found: found.clone() });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Every lock is declared and large enough there: otherwise waiting for it would never end.
pub(super) fn locks_fit(
    wanted: &[HeldLock],
    name: &str,
    locks: &BTreeMap<String, Lock>,
) -> Result<(), Why> {
    for (lock, access) in needs(wanted) {
        let Some(declared) = locks.get(lock) else {
            return Err(Why::LockUnknown { lock: lock.to_owned() });
        };
        let capacity = declared.units(name);
        let wanted = match access {
            Access::Counting(n) => n,
            Access::Exclusive => 1,
        };
        if wanted > capacity {
            return Err(Why::LockTooSmall { lock: lock.to_owned(), wanted, capacity });
        }
    }
    Ok(())
}

/// Whether a worker of that name, as the farm declares or admits it, could ever run the builder.
///
/// # Errors
/// The first lasting predicate that says no. An unknown builder or worker lacks everything.
pub fn could_run(farm: &Farm, builder: &str, worker: &str) -> Result<(), Why> {
    let recipe = match farm.builders.get(builder) {
        Some(builder) => Recipe::of(builder, None),
        None => Recipe::default(),
    };
    let labels = farm.worker(worker).map(|spec| spec.labels.clone()).unwrap_or_default();
    eligible(&recipe, worker, &labels, &farm.locks)
}
