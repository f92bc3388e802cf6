//! What goes into the matcher and what comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Backfill;
use crate::farm::{Builder, RequestView};
use crate::words::{HeldLock, Micros, RequestId, Value};

/// What one term of the order says about a tuple. Values of one term have one type throughout.
pub type TermValue = Vec<Value>;

/// A pending request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What the policy sees of it.
    pub view: RequestView,
    /// What it demands of workers and locks. The matcher keeps one for all requests that demand the
    /// same.
    pub recipe: Arc<Recipe>,
}

impl Candidate {
    /// A request of that builder, pinned to a worker or not.
    #[must_use]
    pub fn new(view: RequestView, builder: &Builder, pinned: Option<&str>) -> Candidate {
        Candidate { view, recipe: Arc::new(Recipe::of(builder, pinned)) }
    }
}

/// What a request demands of workers and locks; equal for all requests of a builder with one pin.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipe {
    /// Labels a worker must have, equal.
    pub requires: BTreeMap<String, Value>,
    /// Globs of the workers that may build it; empty means all.
    pub workers: Vec<String>,
    /// Locks the whole build holds.
    pub locks: Vec<HeldLock>,
    /// The only worker that may build it.
    pub pinned: Option<String>,
}

impl Recipe {
    /// What a builder demands, with a pin or without.
    #[must_use]
    pub fn of(builder: &Builder, pinned: Option<&str>) -> Recipe {
        Recipe {
            requires: builder.requires.clone(),
            workers: builder.workers.clone(),
            locks: builder.locks.clone(),
            pinned: pinned.map(str::to_owned),
        }
    }
}

/// Why a worker that exists takes nothing at the moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotNow {
    /// It has no session.
    Offline,
    /// It is being brought back to a clean state.
    Resetting,
    /// Somebody paused it.
    Paused {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It found a reason itself: its disk is nearly full.
    Troubled {
        /// What it says.
        why: String,
    },
    /// It failed whatever it was given, and takes nothing for a while.
    Quarantined {
        /// Why.
        why: String,
    },
}

/// A live build, an offered claim, or a step with locks of its own: who has slots and locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// What people call the holder: `hello/17`, `request 12 (being offered)`.
    pub by: String,
    /// Where.
    pub worker: String,
    /// Whether it takes a slot of that worker.
    pub slot: bool,
    /// The locks it holds; none once its last step ended.
    pub locks: Vec<HeldLock>,
    /// The builder of the build whose steps it stands for: what `max_builds` counts. None once the
    /// last step ended, and for what a step holds by itself.
    pub runs: Option<String>,
}

/// The tuple that goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The request.
    pub request: RequestId,
    /// The worker.
    pub worker: String,
    /// What each term of the order said, in the order of the terms.
    pub key: Vec<TermValue>,
    /// The time it was decided at.
    pub at: Micros,
    /// Whom it passes, if it uses what is kept back for a greater request.
    pub backfill: Option<Backfill>,
}

/// How large the matcher's graph is: the policy and the recipes decide that by what they read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Request classes that have requests.
    pub request_classes: usize,
    /// Worker classes that have workers.
    pub worker_classes: usize,
    /// Pairs of classes that may meet, those without members for the moment included.
    pub edges: usize,
}
