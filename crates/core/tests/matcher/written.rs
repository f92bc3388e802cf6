//! A policy as the oracle knows it: what was written for each term, and the functions to call.

use std::sync::Arc;

use steading_core::farm::{Direction, Evaluated, FunctionId, Policy, RequestView, WorkerView};
use steading_core::words::Value;

/// What a term was written to mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// What this function says of what it takes: a request, a worker, or both.
    Function(FunctionId, (bool, bool)),
    /// Its priority.
    Priority,
    /// When it was submitted.
    Submitted,
    /// Whole milliseconds waited, by so many.
    Aging(i64),
    /// When it was to start, if that is over; after all times otherwise.
    Overdue,
    /// Running builds of the same builder, branch, owner, repository, or value of `size`.
    FairBuilder,
    FairBranch,
    FairOwner,
    FairRepository,
    FairSize,
}

/// A policy, and what its author meant.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) terms: Vec<(Means, Direction)>,
    /// How it was written, for people.
    pub(crate) text: String,
}

impl Written {
    /// Whether it may run there; the user's function, called anew each time.
    pub(crate) fn allows(&self, request: &RequestView, worker: &WorkerView) -> bool {
        matches!(self.policy.allow(request, worker), Evaluated { value: Ok(true), .. })
    }

    /// What a function says, called anew each time.
    pub(crate) fn call(
        &self,
        function: FunctionId,
        (takes_request, takes_worker): (bool, bool),
        (request, worker): (&RequestView, &WorkerView),
    ) -> Result<Vec<Value>, String> {
        let request = takes_request.then_some(request);
        let worker = takes_worker.then_some(worker);
        self.policy.term(function, request, worker).value.map_err(|fault| fault.message)
    }
}
