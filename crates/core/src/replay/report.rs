//! What a replay found.

use std::collections::BTreeMap;

use super::Waits;
use crate::matcher::FaultReport;
use crate::words::{Duration, Micros, RequestId};

/// What became of a world under a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was started, in the order decided.
    pub decisions: Vec<Decision>,
    /// What became of the requests that were not started.
    pub others: BTreeMap<RequestId, (String, Fate)>,
    /// The waits of all requests. One that never started counts with what it had waited at the end;
    /// one that was taken back or folded into another does not count.
    pub all: Waits,
    /// The same by builder.
    pub builders: BTreeMap<String, Waits>,
    /// The same by project: the property `project`, else the repository, else empty.
    pub projects: BTreeMap<String, Waits>,
    /// How busy each worker was.
    pub workers: BTreeMap<String, Busy>,
    /// The request that waited longest, the lower id of several.
    pub longest: Option<Waiter>,
    /// The requests that never started, and why.
    pub never: Vec<Never>,
    /// Faults of the policy's functions: once per function and class pair.
    pub faults: Vec<FaultReport>,
    /// From the first submit to the end of the last build started.
    pub makespan: Duration,
}

/// A request started on a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The request.
    pub request: RequestId,
    /// Its builder.
    pub builder: String,
    /// The worker.
    pub worker: String,
    /// When.
    pub at: Micros,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was started.
    Started {
        /// Where.
        worker: String,
        /// When.
        at: Micros,
    },
    /// It was folded into a newer request, as the policy's `collapse` wished.
    Folded {
        /// Which.
        into: RequestId,
    },
    /// It was taken back before it started.
    Withdrawn {
        /// When.
        at: Micros,
    },
    /// It never started.
    Never,
}

/// Slot time of a worker: its utilisation is the first of the second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Busy {
    /// Slot time used.
    pub busy: Duration,
    /// Slot time it took builds, or still had some.
    pub available: Duration,
}

impl Busy {
    /// The utilisation in tenths of a percent.
    #[must_use]
    pub fn permille(self) -> i64 {
        match self.available.0 {
            0 => 0,
            available => self.busy.0.saturating_mul(1000) / available,
        }
    }
}

/// A request and how long it waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// The request.
    pub request: RequestId,
    /// Its builder.
    pub builder: String,
    /// How long.
    pub waited: Duration,
}

/// A request that never started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    /// The request, and what it had waited at the end.
    pub waiter: Waiter,
    /// Why, as a word: what `explain` comes down to.
    pub verdict: &'static str,
    /// Why, in words.
    pub why: String,
}
