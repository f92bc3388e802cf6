//! What `explain` answers.

use super::{Backfill, NoBackfill, Why};
use crate::words::{Access, RequestId};

/// The answer to "why not now?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The request asked about.
    pub request: RequestId,
    /// Its place in dispatch order, from 1, slots and locks left aside.
    pub place: usize,
    /// How many requests are pending.
    pub pending: usize,
    /// What it comes down to.
    pub verdict: Verdict,
    /// The same as a sentence or two.
    pub text: String,
    /// Every known worker that does not take it, grouped by what is in the way.
    pub workers: Vec<WorkerGroup>,
    /// The locks it wants where it could run.
    pub locks: Vec<LockUse>,
    /// What would let it run; any one of them.
    pub remedies: Vec<String>,
    /// Where the policy backfills: whom it passes, or why it does not use what is kept back for
    /// others, if that alone is in its way.
    pub backfill: Option<Result<Backfill, NoBackfill>>,
}

/// What an explanation comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is in the way: it is about to be offered.
    Next {
        /// To this worker.
        worker: String,
        /// After so many others.
        after: usize,
    },
    /// A worker has a free slot for it; locks are in the way.
    WaitsForLocks,
    /// Workers that may run it are busy.
    WaitsForSlot,
    /// Workers that may run it accept nothing, or have not connected yet.
    WaitsForWorker,
    /// The policy keeps it from every worker that could run it.
    RefusedByPolicy,
    /// No worker the farm knows or admits can ever run it.
    Never,
}

impl Verdict {
    /// The word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Verdict::Next { .. } => "next",
            Verdict::WaitsForLocks => "waits_for_locks",
            Verdict::WaitsForSlot => "waits_for_slot",
            Verdict::WaitsForWorker => "waits_for_worker",
            Verdict::RefusedByPolicy => "refused_by_policy",
            Verdict::Never => "never",
        }
    }
}

/// Workers the same predicate excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerGroup {
    /// The predicate.
    pub why: Why,
    /// The workers, by name.
    pub workers: Vec<String>,
}

/// A lock the request wants, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockUse {
    /// Its name.
    pub lock: String,
    /// The worker whose units these are; absent for a farm-wide lock.
    pub worker: Option<String>,
    /// How much is wanted.
    pub wanted: Access,
    /// How many units there are.
    pub capacity: i64,
    /// Who holds how much.
    pub holders: Vec<Share>,
    /// For which requests ahead how much is kept back.
    pub reserved: Vec<Share>,
    /// Whether it is grantable now.
    pub grantable: bool,
}

/// Somebody's part of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// A holding's `by`, or `request 12`.
    pub by: String,
    /// How much.
    pub access: Access,
}
