//! The seam between the farm and its users' functions.
//!
//! The matcher asks a `Policy` for the value of a term on plain views; the answer says which
//! attributes were read, so that requests and workers which look alike form classes by themselves.
//! Two implementations exist: the built-in terms and the Starlark functions of a farm.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::PropertyList;
use crate::words::{Duration, Micros, Properties, Request, RequestId, Value};

/// A user's function, by its place in the evaluated configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FunctionId(pub u32);

/// What a policy sees of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestView {
    /// Its id: ties end with it.
    pub id: RequestId,
    /// The builder that shall build it.
    pub builder: SmolStr,
    /// Its priority.
    pub priority: i64,
    /// The repository, or empty.
    pub repository: SmolStr,
    /// The branch, or empty.
    pub branch: SmolStr,
    /// The revision, or empty.
    pub revision: SmolStr,
    /// Who asked for it, or empty.
    pub owner: SmolStr,
    /// Why it exists.
    pub reason: SmolStr,
    /// Its properties.
    pub properties: PropertyList,
    /// When it was submitted.
    pub submitted_at: Micros,
    /// When it has waited as long as it shall, at most. No function sees it.
    pub start_by: Option<Micros>,
}

impl From<Request> for RequestView {
    fn from(request: Request) -> RequestView {
        let stamp = request.stamp.map(|stamp| (stamp.repository, stamp.branch, stamp.revision));
        let (repository, branch, revision) = stamp.unwrap_or_default();
        RequestView {
            id: request.id,
            builder: request.builder.into(),
            priority: request.priority,
            repository: repository.into(),
            branch: branch.into(),
            revision: revision.into(),
            owner: request.owner.unwrap_or_default().into(),
            reason: request.reason.into(),
            properties: request.properties.into(),
            submitted_at: request.submitted_at,
            start_by: request.start_by,
        }
    }
}

/// What a policy sees of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerView {
    /// Its name: ties end with it.
    pub name: String,
    /// What it offers.
    pub labels: BTreeMap<String, Value>,
    /// Builds it may run at once.
    pub slots: i64,
    /// Slots in use, derived from its builds.
    pub busy_slots: i64,
    /// The builder of its newest build, or empty.
    pub last_builder: String,
}

/// What a step's condition sees of its build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildView {
    /// Its builder.
    pub builder: String,
    /// Its number.
    pub number: i64,
    /// The repository, or empty.
    pub repository: String,
    /// The branch, or empty.
    pub branch: String,
    /// The revision, or empty.
    pub revision: String,
    /// Its worker.
    pub worker: String,
    /// Who asked for it, or empty.
    pub owner: String,
    /// Why it exists.
    pub reason: String,
    /// Its properties.
    pub properties: Properties,
    /// The outcome so far, as a word.
    pub outcome: String,
}

/// Which way a term prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Greater values go first.
    Highest,
    /// Smaller values go first.
    Lowest,
}

/// One term of the farm's declared order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What it is called in `explain`: the text of the call, shortened.
    pub label: String,
    /// Which way it prefers.
    pub direction: Direction,
    /// What it is.
    pub kind: TermKind,
}

/// What a term evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// When the request was submitted (`oldest()`, `newest()`).
    Submitted,
    /// The request's priority.
    Priority,
    /// How often `period` fits into the time since the request was submitted: grows as it waits.
    Aging {
        /// The time after which it grows by one.
        period: Duration,
    },
    /// When a request that is overdue was to start, the latest of all times for one that is not:
    /// under `Direction::Lowest` the longest overdue goes first. Stands before the declared order
    /// where the farm says how long requests wait at most.
    Overdue,
    /// How many builds of the request's group run at the moment: whose group has the fewest goes
    /// first, under `Direction::Lowest`.
    Fair {
        /// What makes requests one group.
        by: FairBy,
    },
    /// A user's function; its parameter names say what it depends on.
    Function {
        /// Which.
        function: FunctionId,
        /// Has a parameter named `request`.
        request: bool,
        /// Has a parameter named `worker`.
        worker: bool,
    },
}

/// What makes requests a group that shares fairly with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FairBy {
    /// The value of a property; requests without it are one group.
    Property(PropertyId),
    /// The builder.
    Builder,
    /// Who asked for it.
    Owner,
    /// The repository.
    Repository,
    /// The branch.
    Branch,
}

/// A property that the order names, by its place in the evaluated configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PropertyId(pub u32);

/// Attributes a function read, as `request.branch`, `worker.labels.os`; `worker.labels.*` and
/// `request.properties.*` when it looked at all of them.
pub type Reads = BTreeSet<String>;

/// A user's function failed; the tuple it was asked about is infeasible for this pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong, with file, line and caret.
    pub message: String,
}

/// What a function answered, and what it looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated<T> {
    /// Its answer.
    pub value: Result<T, Fault>,
    /// What it read.
    pub reads: Reads,
}

impl<T> Evaluated<T> {
    /// An answer that needed no look at anything.
    pub fn constant(value: T) -> Evaluated<T> {
        Evaluated { value: Ok(value), reads: Reads::new() }
    }
}

/// The user's side of matching and of conditions: pure, total, bounded by ticks and heap.
pub trait Policy: Send + Sync + std::fmt::Debug {
    /// The terms of the order, first most significant. Ties end with request id, worker name.
    fn order(&self) -> &[Term];

    /// The value of a `TermKind::Function`. Views the function has no parameter for are `None`.
    fn term(
        &self,
        function: FunctionId,
        request: Option<&RequestView>,
        worker: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>>;

    /// The name of the property a [`FairBy::Property`] means. A policy without such terms has none.
    fn property(&self, _property: PropertyId) -> &str {
        ""
    }

    /// Whether this request may run on this worker at all.
    fn allow(&self, request: &RequestView, worker: &WorkerView) -> Evaluated<bool>;

    /// Whether deciding calls a user's function: false where neither `allow` nor a term of the
    /// order is one, so that no decision takes long.
    fn decides(&self) -> bool {
        true
    }

    /// Whether a build may use what is kept back for a greater request, if it is over before that
    /// one could start anyway.
    fn backfills(&self) -> bool {
        false
    }

    /// Whether `collapse` is worth asking: false where the farm never collapses.
    fn collapses(&self) -> bool {
        true
    }

    /// Whether the older request may fold into the newer one. `None`: the farm never collapses.
    fn collapse(&self, older: &RequestView, newer: &RequestView) -> Option<Evaluated<bool>>;

    /// A step's `when`.
    ///
    /// # Errors
    /// When the function fails, loops past its tick limit or answers something else than yes or no.
    fn condition(&self, function: FunctionId, build: &BuildView) -> Result<bool, Fault>;
}
