//! A policy as the oracle knows it: what was written for each term, and the functions to call.

use std::sync::Arc;

use steading_core::farm::{
    BuildView, Direction, Evaluated, Fault, FunctionId, Policy, PropertyId, RequestView, Term,
    WorkerView,
};
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

/// A policy that backfills, whatever else it is.
#[derive(Debug)]
struct Backfilling(Arc<dyn Policy>);

impl Policy for Backfilling {
    fn order(&self) -> &[Term] {
        self.0.order()
    }

    fn term(
        &self,
        function: FunctionId,
        request: Option<&RequestView>,
        worker: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>> {
        self.0.term(function, request, worker)
    }

    fn property(&self, property: PropertyId) -> &str {
        self.0.property(property)
    }

    fn allow(&self, request: &RequestView, worker: &WorkerView) -> Evaluated<bool> {
        self.0.allow(request, worker)
    }

    fn backfills(&self) -> bool {
        true
    }

    fn collapse(&self, older: &RequestView, newer: &RequestView) -> Option<Evaluated<bool>> {
        self.0.collapse(older, newer)
    }

    fn condition(&self, function: FunctionId, build: &BuildView) -> Result<bool, Fault> {
        self.0.condition(function, build)
    }
}

impl Written {
    /// The same with backfill.
    pub(crate) fn backfilling(self) -> Written {
        let text = format!("{}, backfill", self.text);
        Written { policy: Arc::new(Backfilling(self.policy)), text, ..self }
    }

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
