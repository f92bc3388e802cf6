//! The same forecast with one thing changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::run::Found;
use super::starts::{both, expected, may_start, pending};
use super::{Expected, Outlook, Seat, Start};
use crate::farm::{Farm, LockCapacity, matches_glob};
use crate::matcher::{Candidate, Explanation, Matcher, Verdict, Why};

/// By how much the priority is raised.
const PRIORITY_MORE: i64 = 10;
/// What a changed run may need beyond twice the work of the unchanged one.
const WORK_MORE: usize = 100;

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is one more worker like that one, and nothing runs on it.
    OneMoreWorker {
        /// Its name.
        like: String,
    },
    /// The request has this priority.
    Priority(i64),
}

/// What comes of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    /// The change.
    pub change: Change,
    /// When the request would start then.
    pub expected: Expected,
    /// By how many milliseconds earlier that is, at the usual pace: 0 is no difference, negative
    /// is later; `None` when one of the two is not known.
    pub sooner_ms: Option<i64>,
}

/// When the request explained is expected to start, and when it would with one more worker of the
/// kind it waits for, and with a higher priority. Nothing is tried for what starts right now
/// or will never start. `None` when the request is not pending.
#[must_use]
pub fn what_if(outlook: Outlook<'_>, explained: &Explanation) -> Option<(Expected, Vec<WhatIf>)> {
    let id = explained.request;
    let pending = pending(outlook);
    let candidate = *pending.get(&id)?;
    let asked = BTreeSet::from([id]);
    let base = match may_start(&explained.verdict) {
        true => both(outlook, outlook.matcher, (&pending, &asked), outlook.decisions_max),
        false => Default::default(),
    };
    let usual = expected(outlook.now, id, &base);
    let idle = matches!(
        explained.verdict,
        Verdict::Next { .. } | Verdict::RefusedByPolicy | Verdict::Never
    );
    if idle {
        return Some((usual, Vec::new()));
    }
    let work = base.iter().map(|found| found.work).max().unwrap_or(0);
    let work_max = (2 * work + WORK_MORE).min(outlook.decisions_max);
    let mut tried = Vec::new();
    let mut attempt = |change: Change, outlook: Outlook<'_>, matcher: &Matcher| {
        let runs = both(outlook, matcher, (&pending, &asked), work_max);
        let then = expected(outlook.now, id, &runs);
        let sooner_ms = match (usual.p50, then.p50) {
            (Start::In(before), Start::In(then)) => Some(before.0 - then.0),
            // Nobody knows how long anything takes: nothing to tell of this change either.
            (Start::Unknown, Start::Unknown) => return,
            _ => None,
        };
        tried.push(WhatIf { change, expected: then, sooner_ms });
    };
    if let Some(like) = like(outlook, explained, &base[0]).filter(|_| !is_pinned(candidate)) {
        let (matcher, workers) = one_more(outlook, like);
        let outlook = Outlook { workers: &workers, ..outlook };
        attempt(Change::OneMoreWorker { like: like.view.name.clone() }, outlook, &matcher);
    }
    let mut changed = candidate.clone();
    changed.view.priority = changed.view.priority.saturating_add(PRIORITY_MORE);
    let change = Change::Priority(changed.view.priority);
    if may_start(&explained.verdict) {
        let mut matcher = outlook.matcher.clone();
        matcher.add_request(changed);
        attempt(change, outlook, &matcher);
    } else {
        // No priority brings a worker.
        tried.push(WhatIf { change, expected: usual, sooner_ms: Some(0) });
    }
    Some((usual, tried))
}

fn is_pinned(candidate: &Candidate) -> bool {
    candidate.recipe.pinned.is_some()
}

/// The worker one more of which is tried: the one the request would get, else one that is busy,
/// then one where locks are in the way, then one that takes nothing at the moment.
fn like<'a>(outlook: Outlook<'a>, explained: &Explanation, base: &Found) -> Option<&'a Seat> {
    if let Some(started) = base.started.get(&explained.request) {
        return outlook.workers.get(&started.worker);
    }
    let rank = |why: &Why| match why {
        Why::NoFreeSlot => Some(0),
        Why::Locks { .. } => Some(1),
        Why::NotNow(_) => Some(2),
        _ => None,
    };
    let groups = explained.workers.iter();
    let near = groups.filter_map(|group| Some((rank(&group.why)?, group.workers.first()?)));
    let (_, name) = near.min_by_key(|(rank, _)| *rank)?;
    outlook.workers.get(name)
}

/// The same moment with one more worker: whoever may run on the one may run on the other, and each
/// lock has as many units there.
fn one_more(outlook: Outlook<'_>, like: &Seat) -> (Matcher, BTreeMap<String, Seat>) {
    let old = like.view.name.as_str();
    let mut name = format!("{old}+1");
    while outlook.workers.contains_key(&name) {
        name.push('1');
    }
    let mut seat = Seat { view: like.view.clone(), accepting: Ok(()) };
    seat.view.name.clone_from(&name);
    let mut matcher = outlook.matcher.clone();
    if let Some(farm) = with_equal_locks(outlook.farm, old, &name) {
        matcher.reconfigure(&farm);
    }
    let named = |globs: &[String], worker: &str| globs.iter().any(|g| matches_glob(g, worker));
    let left_out = |c: &&Candidate| {
        let globs = &c.recipe.workers;
        named(globs, old) && !named(globs, &name)
    };
    for mut candidate in outlook.matcher.requests().filter(left_out).cloned() {
        Arc::make_mut(&mut candidate.recipe).workers.push(name.clone());
        matcher.add_request(candidate);
    }
    matcher.set_worker(seat.view.clone(), seat.accepting.clone());
    let mut workers = outlook.workers.clone();
    workers.insert(name, seat);
    (matcher, workers)
}

/// The farm in which the new name has the units of the old one; `None` when it has them already.
fn with_equal_locks(farm: &Farm, old: &str, new: &str) -> Option<Farm> {
    let differs = |farm: &Farm| {
        farm.locks.values().any(|lock| lock.per_worker && lock.units(old) != lock.units(new))
    };
    if !differs(farm) {
        return None;
    }
    let mut farm = farm.clone();
    for lock in farm.locks.values_mut().filter(|lock| lock.per_worker) {
        let units = lock.units(old);
        if let LockCapacity::ByWorker(by) = &mut lock.capacity {
            by.insert(new.to_owned(), units);
        }
    }
    Some(farm)
}
