//! A draft to a `Farm`: every name resolved, every reference checked.

use steading_core::farm::{Builder, Farm, WorkerSpec};

use super::{builders, cycles, notifiers, schedulers, workers};
use crate::Diagnostic;
use crate::draft::Draft;
use crate::place::Part;

/// The worker of a farm that declares none.
const LOCAL: &str = "local";

/// The farm a draft declares, and what is wrong with it.
pub(crate) fn farm(draft: &Draft, local_slots: i64) -> (Farm, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let mut farm = Farm::default();
    for repository in &draft.repositories {
        farm.repositories.insert(repository.it.name.clone(), repository.it.clone());
    }
    for lock in &draft.locks {
        farm.locks.insert(lock.it.name.clone(), lock.it.clone());
    }
    farm.workers.extend(draft.workers.iter().map(|w| w.it.clone()));
    if farm.workers.is_empty() {
        let (name, labels) = (LOCAL.to_owned(), Default::default());
        farm.workers.push(WorkerSpec {
            name,
            slots: local_slots.max(1),
            labels,
            ..WorkerSpec::default()
        });
    }
    for builder in &draft.builders {
        let built = builders::builder(draft, builder, &mut findings);
        if !draft.refused.contains("worker") && !draft.refused.contains("workers") {
            findings.extend(workers::dead(draft, &farm, builder));
        }
        farm.builders.insert(built.name.clone(), built);
    }
    findings.extend(cycles::lock_cycles(draft));
    findings.extend(nothing_to_backfill(draft, &farm));
    for scheduler in &draft.schedulers {
        let (name, scheduler) = schedulers::scheduler(draft, scheduler, &farm, &mut findings);
        farm.schedulers.insert(name, scheduler);
    }
    for notifier in &draft.notifiers {
        findings.extend(notifiers::watches_nothing(notifier, &farm));
        farm.notifiers.insert(notifier.it.name.clone(), notifier.it.clone());
    }
    farm.keep_free = draft.keep_free.as_ref().map(|keep| keep.it);
    (farm, findings)
}

/// Without locks nothing is ever kept back. A file that says a policy and no more is left alone.
fn nothing_to_backfill(draft: &Draft, farm: &Farm) -> Option<Diagnostic> {
    let policy = draft.policy.as_ref().filter(|policy| policy.it.backfill)?;
    let builds = |builder: &Builder| !builder.locks.is_empty() || builder.max_builds.is_some();
    if farm.builders.is_empty() || farm.builders.values().any(builds) {
        return None;
    }
    let message = "`backfill` has no effect: no builder takes a lock, or has `max_builds`";
    Some(policy.place.warning(&[Part::Named("backfill")], message))
}
