//! From two runs to an expectation.

use std::collections::{BTreeMap, BTreeSet};

use super::Outlook;
use super::outlook::Pace;
use super::run::{Found, Pending, Task, run};
use crate::matcher::{Matcher, Verdict};
use crate::words::{Duration, Micros, RequestId};

/// When a request starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In so long.
    In(Duration),
    /// Later than that: so far it was followed.
    LaterThan(Duration),
    /// Nothing that will happen by itself starts it, or nobody knows how long anything takes.
    Unknown,
}

/// When a request is expected to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// If every build takes as long as half of its builder's do.
    pub p50: Start,
    /// If every build takes as long as nine of ten of its builder's do; never before `p50`.
    pub p90: Start,
    /// Whether it rests on a builder that never ended green: then the farm's median stood in.
    pub guess: bool,
}

/// Whether the end of what runs may start a request of which `explain` says this. Following one
/// that waits for a worker to come would cost all the work a forecast may take, for nothing.
#[must_use]
pub fn may_start(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Next { .. } | Verdict::WaitsForLocks | Verdict::WaitsForSlot)
}

/// When each of these pending requests is expected to start; others are left out.
#[must_use]
pub fn expect(outlook: Outlook<'_>, requests: &[RequestId]) -> BTreeMap<RequestId, Expected> {
    let pending = pending(outlook);
    let asked: BTreeSet<RequestId> =
        requests.iter().copied().filter(|id| pending.contains_key(id)).collect();
    if asked.is_empty() {
        return BTreeMap::new();
    }
    let runs = both(outlook, outlook.matcher, (&pending, &asked), outlook.decisions_max);
    asked.into_iter().map(|id| (id, expected(outlook.now, id, &runs))).collect()
}

/// The run at the usual pace, and the slow one.
pub(super) fn both(
    outlook: Outlook<'_>,
    matcher: &Matcher,
    (pending, asked): (&Pending<'_>, &BTreeSet<RequestId>),
    work_max: usize,
) -> [Found; 2] {
    [Pace::Usual, Pace::Slow]
        .map(|pace| run(outlook, Task { matcher: matcher.clone(), pending, asked, pace, work_max }))
}

pub(super) fn pending(outlook: Outlook<'_>) -> Pending<'_> {
    outlook.matcher.requests().map(|candidate| (candidate.view.id, candidate)).collect()
}

pub(super) fn expected(now: Micros, request: RequestId, runs: &[Found; 2]) -> Expected {
    let [p50, p90] =
        runs.each_ref().map(|found| match (found.started.get(&request), found.gave_up) {
            (Some(started), _) => Start::In(started.at.since(now)),
            (None, Some(at)) => Start::LaterThan(at.since(now)),
            (None, None) => Start::Unknown,
        });
    // More time for each may even start one earlier: another order comes of it. Nobody is told so.
    let p90 = match (p50, p90) {
        (Start::In(early) | Start::LaterThan(early), Start::In(late)) if late < early => p50,
        (Start::In(early), Start::LaterThan(late)) => Start::LaterThan(early.max(late)),
        (_, p90) => p90,
    };
    let guess = runs.iter().any(|found| found.started.get(&request).is_some_and(|s| s.guess));
    Expected { p50, p90, guess }
}
