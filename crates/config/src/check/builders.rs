//! Builders: their steps get names.

use std::collections::BTreeSet;

use steading_core::farm::{Builder, Plan, PlanStep};

use crate::Diagnostic;
use crate::draft::{BuilderDraft, Declared, Draft, StepDraft};
use crate::input::quoted;
use crate::place::Part;

/// A builder whose steps have names of their own.
pub(super) fn builder(
    draft: &Draft,
    builder: &Declared<BuilderDraft>,
    findings: &mut Vec<Diagnostic>,
) -> Builder {
    let steps: Vec<&Declared<StepDraft>> =
        builder.it.steps.iter().map(|step| &draft.steps[*step]).collect();
    let mut taken = BTreeSet::new();
    for step in &steps {
        let Some(name) = &step.it.name else { continue };
        if !taken.insert(name.clone()) {
            let message =
                format!("builder `{}` has two steps named {}", builder.it.name, quoted(name));
            let error = step.place.error(&[Part::Named("name")], message);
            findings.push(error.note(format!("the builder is at {}", builder.place.location())));
        }
    }
    let steps = steps.into_iter().map(|step| {
        let name = match &step.it.name {
            Some(name) => name.clone(),
            None => unused(&step.it.derived, &mut taken),
        };
        plan_step(name, &step.it)
    });
    let plan = Plan { steps: steps.collect() };
    let it = builder.it.clone();
    let BuilderDraft { name, requires, workers, locks, max_builds, max_wait, log_limit, .. } = it;
    let (retries, rerun) = (it.retries, it.rerun);
    Builder {
        name,
        requires,
        workers,
        locks,
        plan,
        max_builds,
        max_wait,
        log_limit,
        retries,
        rerun,
    }
}

/// The name, or the first of `name-2`, `name-3`, … that nobody has.
pub(super) fn unused(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|n| format!("{name}-{n}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let free = names.find(|n| !taken.contains(n)).expect("the numbers do not end");
    taken.insert(free.clone());
    free
}

fn plan_step(name: String, step: &StepDraft) -> PlanStep {
    PlanStep {
        name,
        kind: step.kind.clone(),
        locks: step.locks.clone(),
        when: step.when,
        on_failure: step.on_failure,
        always: step.always,
    }
}
