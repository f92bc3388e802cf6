//! A draft to a `Farm`: every name resolved, every reference checked.

use steading_core::farm::{Farm, WorkerSpec};

use super::{builders, cycles, notifiers, schedulers, workers};
use crate::Diagnostic;
use crate::draft::Draft;

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
