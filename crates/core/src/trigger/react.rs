//! How an `on_change` answers a change, and when its timers fire.

use super::{Timer, Wish};
use crate::farm::{OnChange, matches_glob};
use crate::words::{Change, Duration, Micros};

/// What a change sets off at one scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing: another repository, or a branch it does not look at.
    Ignore,
    /// The change is collected: persist this timer in place of the old one.
    Keep(Timer),
    /// Build now; the timer, if there was one, is used up.
    Fire(Wish),
}

/// What a change sets off at the scheduler `name`, given what it has collected on that branch.
///
/// An important change (re-)arms the timer: it fires when no important change came for `quiet`, or
/// `max_wait` after the first one. Others ride along, and wait for an important one if need be.
#[must_use]
pub fn on_change(
    name: &str,
    on: &OnChange,
    change: &Change,
    timer: Option<&Timer>,
    now: Micros,
) -> Reaction {
    if change.repository != on.repository || !watches(on, &change.branch) {
        return Reaction::Ignore;
    }
    if let Some(timer) = timer.filter(|timer| timer.changes.contains(&change.id)) {
        return Reaction::Keep(timer.clone());
    }
    let mut timer = timer.cloned().unwrap_or_else(|| Timer {
        scheduler: name.to_owned(),
        repository: change.repository.clone(),
        branch: change.branch.clone(),
        first_at: None,
        fire_at: None,
        changes: Vec::new(),
        revision: String::new(),
    });
    timer.changes.push(change.id);
    timer.revision.clone_from(&change.revision);
    if is_important(on, change) {
        if on.quiet == Duration::default() {
            return Reaction::Fire(Wish::of(on, &timer));
        }
        let first_at = timer.first_at.unwrap_or(now);
        timer.first_at = Some(first_at);
        timer.fire_at = Some(now.plus(on.quiet).min(first_at.plus(on.max_wait)));
    }
    Reaction::Keep(timer)
}

/// What a reaction is while its scheduler is paused: what it would build is collected, and due the
/// moment it is resumed. So nothing is lost, and what came meanwhile is built once, at its newest.
#[must_use]
pub fn held_back(reaction: Reaction, now: Micros) -> Reaction {
    match reaction {
        Reaction::Fire(wish) => Reaction::Keep(Timer {
            scheduler: wish.scheduler,
            repository: wish.repository,
            branch: wish.branch,
            first_at: Some(now),
            fire_at: Some(now),
            changes: wish.changes,
            revision: wish.revision,
        }),
        other => other,
    }
}

fn watches(on: &OnChange, branch: &str) -> bool {
    on.branches.is_empty() || on.branches.iter().any(|glob| matches_glob(glob, branch))
}

/// A change without files (a merge that changes nothing) is important only where files do not
/// matter.
fn is_important(on: &OnChange, change: &Change) -> bool {
    let hit = |file: &String| on.files.iter().any(|glob| matches_glob(glob, file));
    on.files.is_empty() || change.files.iter().any(hit)
}

/// What a due timer of the scheduler `on` wants built.
#[must_use]
pub fn fired(on: &OnChange, timer: &Timer) -> Wish {
    Wish::of(on, timer)
}

/// The timers to fire at `now`, in the order in which they fell due.
#[must_use]
pub fn due(timers: &[Timer], now: Micros) -> Vec<&Timer> {
    let mut due: Vec<&Timer> =
        timers.iter().filter(|timer| timer.fire_at.is_some_and(|at| at <= now)).collect();
    due.sort_by_key(|t| (t.fire_at, &t.scheduler, &t.repository, &t.branch));
    due
}

/// When the next timer falls due, if any is armed.
#[must_use]
pub fn next_wake(timers: &[Timer]) -> Option<Micros> {
    timers.iter().filter_map(|timer| timer.fire_at).min()
}

#[cfg(test)]
mod tests;
