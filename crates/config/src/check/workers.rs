//! Builders that no worker can ever serve.

use steading_core::farm::{Farm, Lock, LockCapacity, WorkerSpec};
use steading_core::words::{Access, HeldLock};

use crate::Diagnostic;
use crate::draft::{BuilderDraft, Declared, Draft};
use crate::functions::nearest;
use crate::globs::may_meet;
use crate::input::quoted;
use crate::place::Part;

/// The finding, if no declared worker could ever serve this builder.
pub(super) fn dead(
    draft: &Draft,
    farm: &Farm,
    builder: &Declared<BuilderDraft>,
) -> Option<Diagnostic> {
    let named: Vec<&WorkerSpec> =
        farm.workers.iter().filter(|w| may_be_named(builder, w)).collect();
    let name = &builder.it.name;
    let message = format!("no worker can ever satisfy builder `{name}`");
    if named.is_empty() {
        let error = builder.place.error(&[Part::Named("workers")], message);
        let known = farm.workers.iter().map(|w| w.name.as_str());
        let near = builder.it.workers.iter().find_map(|glob| nearest(glob, known.clone()));
        return Some(match near {
            Some(near) => error.help(format!("did you mean {}?", quoted(near))),
            None => error.help(format!("the farm has {}", list(&farm.workers))),
        });
    }
    let fitting: Vec<&WorkerSpec> = named.into_iter().filter(|w| has_labels(builder, w)).collect();
    if fitting.is_empty() {
        return Some(labels_missing(draft, farm, builder, message));
    }
    let steps = builder.it.steps.iter().map(|s| &draft.steps[*s].it);
    let all = builder.it.locks.iter().chain(steps.flat_map(|s| &s.locks));
    let short = all.into_iter().find(|held| !fitting.iter().any(|w| grants(farm, held, w)))?;
    let error = builder.place.error(&[], message);
    let why = format!("none of its workers has enough units of lock `{}`", short.lock);
    Some(error.help(format!("{why}; see its `capacity`")))
}

fn may_be_named(builder: &Declared<BuilderDraft>, worker: &WorkerSpec) -> bool {
    let globs = &builder.it.workers;
    globs.is_empty() || globs.iter().any(|glob| may_meet(glob, &worker.name))
}

fn has_labels(builder: &Declared<BuilderDraft>, worker: &WorkerSpec) -> bool {
    builder.it.requires.iter().all(|(label, value)| worker.labels.get(label) == Some(value))
}

fn labels_missing(
    draft: &Draft,
    farm: &Farm,
    builder: &Declared<BuilderDraft>,
    message: String,
) -> Diagnostic {
    let requires = &builder.it.requires;
    let nobody = |label: &str| !farm.workers.iter().any(|w| w.labels.contains_key(label));
    let unknown = requires.keys().find(|label| nobody(label));
    let path = match unknown {
        Some(label) => vec![Part::Named("requires"), Part::Key(label)],
        None => vec![Part::Named("requires")],
    };
    let error = builder.place.error(&path, message);
    if draft.workers.is_empty() {
        let why = "the farm declares no workers, and its own worker `local` has no labels";
        return error.help(format!("{why}: declare one with `worker(…, labels = {{…}})`"));
    }
    let Some(label) = unknown else {
        return error.help(format!("the farm has {}", list(&farm.workers)));
    };
    let known = farm.workers.iter().flat_map(|w| w.labels.keys()).map(String::as_str);
    match nearest(label, known) {
        Some(near) => error.help(format!("did you mean the label {}?", quoted(near))),
        None => error.help(format!("no worker has a label {}", quoted(label))),
    }
}

fn list(workers: &[WorkerSpec]) -> String {
    const SHOWN_MAX: usize = 5;
    let shown = workers.iter().take(SHOWN_MAX).map(|w| {
        let labels: Vec<String> = w.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let labels = if labels.is_empty() { "no labels".to_owned() } else { labels.join(" ") };
        format!("`{}` ({labels})", w.name)
    });
    let more = if workers.len() > SHOWN_MAX { ", …" } else { "" };
    format!("{}{more}", shown.collect::<Vec<_>>().join(", "))
}

/// Whether a lock could ever be granted on a worker.
fn grants(farm: &Farm, held: &HeldLock, worker: &WorkerSpec) -> bool {
    let Some(lock) = farm.locks.get(&held.lock) else { return true };
    let units = match held.access {
        Access::Counting(units) => units,
        Access::Exclusive => 1,
    };
    most_on(lock, worker) >= units
}

/// The most units a lock may have on a worker, or on any worker a pattern may admit.
fn most_on(lock: &Lock, worker: &WorkerSpec) -> i64 {
    match &lock.capacity {
        LockCapacity::ByWorker(by) if worker.pattern => {
            let meeting = by.iter().filter(|(glob, _)| may_meet(glob, &worker.name));
            let otherwise = if by.contains_key("*") { 0 } else { 1 };
            meeting.map(|(_, units)| *units).max().unwrap_or(0).max(otherwise)
        }
        _ => lock.units(&worker.name),
    }
}
