//! Schedulers: their builders are found, and those without a name get one.

use std::collections::BTreeSet;

use steading_core::farm::{Farm, Force, OnChange, Scheduler, matches_glob};

use super::builders::unused;
use crate::Diagnostic;
use crate::draft::{Declared, Draft, SchedulerDraft, SchedulerKind};
use crate::functions::nearest;
use crate::input::quoted;
use crate::place::Part;

/// A scheduler with its name and its builders.
pub(super) fn scheduler(
    draft: &Draft,
    scheduler: &Declared<SchedulerDraft>,
    farm: &Farm,
    findings: &mut Vec<Diagnostic>,
) -> (String, Scheduler) {
    let mut unknown = Vec::new();
    let builders = builders(scheduler, farm, &mut unknown);
    if !draft.refused.contains("builder") {
        findings.append(&mut unknown);
    }
    let name = match &scheduler.it.name {
        Some(name) => name.clone(),
        None => {
            let given = draft.schedulers.iter().filter_map(|s| s.it.name.clone());
            let mut taken: BTreeSet<String> =
                given.chain(farm.schedulers.keys().cloned()).collect();
            unused(&derived_name(&scheduler.it), &mut taken)
        }
    };
    let it = match scheduler.it.kind.clone() {
        SchedulerKind::OnChange {
            repository,
            branches,
            files,
            quiet,
            max_wait,
            priority,
            cancel_superseded,
            fail_fast,
        } => {
            let repository = repository.unwrap_or_default();
            Scheduler::OnChange(OnChange {
                repository,
                builders,
                branches,
                files,
                quiet,
                max_wait,
                priority,
                start_within: scheduler.it.start_within,
                cancel_superseded,
                fail_fast,
            })
        }
        SchedulerKind::Force { params } => {
            let start_within = scheduler.it.start_within;
            Scheduler::Force(Force { builders, params, start_within })
        }
    };
    (name, it)
}

/// A name from what it says, so that it stays when another is added before it: timers are kept by
/// name.
fn derived_name(scheduler: &SchedulerDraft) -> String {
    let builders = scheduler.builders.join(",");
    match &scheduler.kind {
        SchedulerKind::OnChange { branches, .. } if branches.is_empty() => {
            format!("on_change:{builders}")
        }
        SchedulerKind::OnChange { branches, .. } => {
            format!("on_change:{builders}@{}", branches.join(","))
        }
        SchedulerKind::Force { .. } => format!("force:{builders}"),
    }
}

/// The builders its globs name, in name order.
fn builders(
    scheduler: &Declared<SchedulerDraft>,
    farm: &Farm,
    findings: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (index, glob) in scheduler.it.builders.iter().enumerate() {
        let before = found.len();
        let matching = farm.builders.keys().filter(|name| matches_glob(glob, name));
        let matching: Vec<&String> = matching.collect();
        found.extend(matching.iter().map(|name| (*name).clone()));
        if before == found.len() && matching.is_empty() {
            findings.push(unknown(scheduler, farm, index, glob));
        }
    }
    found.into_iter().collect()
}

fn unknown(
    scheduler: &Declared<SchedulerDraft>,
    farm: &Farm,
    index: usize,
    glob: &str,
) -> Diagnostic {
    let path = [Part::Named("builders"), Part::Item(index)];
    let message = match glob.contains(['*', '?', '[', '{']) {
        true => format!("no builder matches {}", quoted(glob)),
        false => format!("there is no builder {}", quoted(glob)),
    };
    let error = scheduler.place.error(&path, message);
    let names: Vec<&str> = farm.builders.keys().map(String::as_str).collect();
    match (nearest(glob, names.iter().copied()), names.as_slice()) {
        (Some(near), _) => error.help(format!("did you mean {}?", quoted(near))),
        (None, []) => error.help("the farm has no builders"),
        (None, names) => {
            const SHOWN_MAX: usize = 8;
            let more = if names.len() > SHOWN_MAX { ", …" } else { "" };
            let shown = names[..names.len().min(SHOWN_MAX)].join(", ");
            error.help(format!("the farm has {shown}{more}"))
        }
    }
}
