//! Deadlocks that the text shows: a build keeps its builder's locks while a step waits for another.
//!
//! Every builder lock points at every lock of its steps. Around a cycle of these arrows, builds may
//! wait for each other without an end, so the cycle is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::Diagnostic;
use crate::draft::{BuilderDraft, Declared, Draft, StepDraft};
use crate::place::Part;

struct Arrow<'a> {
    builder: &'a Declared<BuilderDraft>,
    step: &'a Declared<StepDraft>,
}

type Arrows<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Arrow<'a>>>;

/// One finding per cycle, at the step that closes it.
pub(super) fn lock_cycles(draft: &Draft) -> Vec<Diagnostic> {
    let mut arrows = Arrows::new();
    let mut findings = Vec::new();
    for builder in &draft.builders {
        for step in builder.it.steps.iter().map(|s| &draft.steps[*s]) {
            for held in &builder.it.locks {
                for wanted in &step.it.locks {
                    if held.lock == wanted.lock {
                        findings.push(own(builder, step, &held.lock));
                    } else {
                        let from = arrows.entry(&held.lock).or_default();
                        from.entry(&wanted.lock).or_insert(Arrow { builder, step });
                    }
                }
            }
        }
    }
    let mut reported: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    for (from, targets) in &arrows {
        for to in targets.keys() {
            let Some(path) = path(&arrows, to, from) else { continue };
            if reported.insert(path.iter().copied().collect()) {
                findings.push(cycle(&arrows, from, &path));
            }
        }
    }
    findings
}

fn own(builder: &Declared<BuilderDraft>, step: &Declared<StepDraft>, lock: &str) -> Diagnostic {
    let name = &builder.it.name;
    let message =
        format!("this step takes lock `{lock}`, which its builder `{name}` holds already");
    step.place
        .error(&[Part::Named("locks")], message)
        .note(format!("the builder is at {}", builder.place.location()))
        .help(
            "take it in the builder or in the step: two builds that want more would wait for ever",
        )
}

/// The shortest way along the arrows, both ends included.
fn path<'a>(arrows: &Arrows<'a>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&str, &'a str> = BTreeMap::new();
    let mut seen = BTreeSet::from([from]);
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut path = vec![at];
            while let Some(before) = came_from.get(path[path.len() - 1]) {
                path.push(before);
            }
            path.reverse();
            return Some(path);
        }
        for next in arrows.get(at).into_iter().flat_map(BTreeMap::keys).copied() {
            if seen.insert(next) {
                came_from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

/// `path` leads back to `from`, with whose arrow to the path's begin the cycle closes.
fn cycle(arrows: &Arrows<'_>, from: &str, path: &[&str]) -> Diagnostic {
    let closed: Vec<&str> = std::iter::once(from).chain(path.iter().copied()).collect();
    let last = &arrows[path[path.len().saturating_sub(2)]][from];
    let names: Vec<String> = closed.iter().map(|l| format!("`{l}`")).collect();
    let message = format!("builds could wait for each other for ever: {}", names.join(" → "));
    let mut error = last.step.place.error(&[Part::Named("locks")], message);
    for pair in closed.windows(2) {
        let arrow = &arrows[pair[0]][pair[1]];
        error = error.note(format!(
            "builder `{}` holds `{}` while its step at {} waits for `{}`",
            arrow.builder.it.name,
            pair[0],
            arrow.step.place.location(),
            pair[1]
        ));
    }
    error.help("let all builders take their locks in one order, or hold them for the whole build")
}
