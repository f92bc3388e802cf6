//! What is replayed: the demand and the workers of a stretch of history, as plain values.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::farm::{Farm, RequestView};
use crate::matcher::{NotNow, Pace, Recipe};
use crate::words::{Duration, HeldLock, Micros, RequestId, Value};

/// A stretch of history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// Where it begins.
    pub since: Micros,
    /// Where it ends. The replay goes on until all that can be built is built.
    pub until: Micros,
    /// The farm whose locks and worker declarations hold.
    pub farm: Farm,
    /// The requests that were submitted, or still waited when the stretch began; in any order.
    pub arrivals: Vec<Arrival>,
    /// The builds that ran when it began.
    pub running: Vec<Running>,
    /// The workers, by name.
    pub workers: BTreeMap<String, PastWorker>,
    /// How long builds are known to take, by builder: what a policy that backfills goes by.
    pub paces: BTreeMap<String, Pace>,
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When it was there to be matched. Its wait counts from the view's `submitted_at`.
    pub at: Micros,
    /// The request as it was submitted.
    pub view: RequestView,
    /// What it demands of workers and locks.
    pub recipe: Arc<Recipe>,
    /// How long its build takes.
    pub length: Length,
    /// The priorities it was given later.
    pub priorities: Vec<(Micros, i64)>,
    /// When it was taken back without having been built.
    pub withdrawn_at: Option<Micros>,
}

/// How long a build takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Length {
    /// Until its last step ends, and its locks are free.
    pub locks: Duration,
    /// Until it is finished, and its slot is free.
    pub slot: Duration,
}

/// A build that ran already when the stretch began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The request it is an attempt at.
    pub request: RequestId,
    /// Its builder.
    pub builder: String,
    /// Where it runs.
    pub worker: String,
    /// The locks it holds.
    pub locks: Vec<HeldLock>,
    /// When it began.
    pub started_at: Micros,
    /// When its locks are free.
    pub locks_free_at: Micros,
    /// When its slot is free.
    pub ends_at: Micros,
}

/// A worker over the stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastWorker {
    /// Builds it runs at once.
    pub slots: i64,
    /// What it offers.
    pub labels: BTreeMap<String, Value>,
    /// The builder of its newest build when the stretch began, or empty.
    pub last_builder: String,
    /// Whether it took builds when the stretch began.
    pub accepting: Result<(), NotNow>,
    /// Every later change of that, oldest first.
    pub changes: Vec<(Micros, Result<(), NotNow>)>,
}
