//! Where two replays of one world part.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fate, Report, Waits};
use crate::words::{Duration, RequestId};

/// What is different in the second of two reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Every request that was started elsewhere or at another time, or not by both; by id.
    pub decisions: Vec<Changed>,
    /// How the waits of all requests moved.
    pub all: Shift,
    /// The same by builder.
    pub builders: BTreeMap<String, Shift>,
    /// The same by project.
    pub projects: BTreeMap<String, Shift>,
    /// How the makespan moved, in milliseconds.
    pub makespan_ms: i64,
}

/// A request with two fates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The request.
    pub request: RequestId,
    /// Its builder.
    pub builder: String,
    /// What became of it in the first.
    pub a: Fate,
    /// What became of it in the second.
    pub b: Fate,
}

/// The second's waits less the first's, in milliseconds: negative is shorter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shift {
    /// Of the median.
    pub p50_ms: i64,
    /// Of the 95th percentile.
    pub p95_ms: i64,
    /// Of the longest.
    pub max_ms: i64,
}

/// What is different in `b`.
#[must_use]
pub fn compare(a: &Report, b: &Report) -> Difference {
    let (before, after) = (fates(a), fates(b));
    let requests: BTreeSet<RequestId> = before.keys().chain(after.keys()).copied().collect();
    let mut decisions = Vec::new();
    for request in requests {
        let (old, new) = (before.get(&request), after.get(&request));
        if old.map(|(_, fate)| fate) == new.map(|(_, fate)| fate) {
            continue;
        }
        let Some((builder, _)) = old.or(new) else { continue };
        let fate = |told: Option<&(&str, Fate)>| told.map_or(Fate::Never, |(_, f)| f.clone());
        let (a, b) = (fate(old), fate(new));
        decisions.push(Changed { request, builder: (*builder).to_owned(), a, b });
    }
    Difference {
        decisions,
        all: shift(a.all, b.all),
        builders: shifts(&a.builders, &b.builders),
        projects: shifts(&a.projects, &b.projects),
        makespan_ms: less(b.makespan, a.makespan),
    }
}

fn fates(report: &Report) -> BTreeMap<RequestId, (&str, Fate)> {
    let started = report.decisions.iter().map(|d| {
        (d.request, (d.builder.as_str(), Fate::Started { worker: d.worker.clone(), at: d.at }))
    });
    let others = report.others.iter();
    let others = others.map(|(id, (builder, fate))| (*id, (builder.as_str(), fate.clone())));
    started.chain(others).collect()
}

fn shifts(a: &BTreeMap<String, Waits>, b: &BTreeMap<String, Waits>) -> BTreeMap<String, Shift> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let of = |all: &BTreeMap<String, Waits>, name| all.get(name).copied().unwrap_or_default();
    names.into_iter().map(|name| (name.clone(), shift(of(a, name), of(b, name)))).collect()
}

fn shift(a: Waits, b: Waits) -> Shift {
    Shift { p50_ms: less(b.p50, a.p50), p95_ms: less(b.p95, a.p95), max_ms: less(b.max, a.max) }
}

fn less(b: Duration, a: Duration) -> i64 {
    b.0.saturating_sub(a.0)
}
