//! The farm's policy: the declared order, and the user's functions behind the core's seam.

use std::collections::BTreeSet;

use steading_core::farm::{
    BuildView, Direction, Evaluated, Fault, FunctionId, Policy, PropertyId, RequestView, Term,
    TermKind, WorkerView,
};
use steading_core::words::Value;

use crate::Diagnostic;
use crate::draft::PolicyDraft;
use crate::interpreter::{Answer, Called, Frozen, attempt, call};
use crate::views::{self, View};

/// The policy of a configuration. Without functions it never enters the interpreter.
#[derive(Debug)]
pub(crate) struct FarmPolicy {
    order: Vec<Term>,
    allow: Option<(FunctionId, bool, bool)>,
    collapse: Option<FunctionId>,
    backfill: bool,
    properties: Vec<String>,
    functions: Vec<Frozen>,
}

impl FarmPolicy {
    pub(crate) fn new(
        policy: PolicyDraft,
        properties: Vec<String>,
        functions: Vec<Frozen>,
        bounds_waits: bool,
    ) -> FarmPolicy {
        let PolicyDraft { allow, order, collapse, backfill } = policy;
        let mut order = order.unwrap_or_else(default_order);
        if bounds_waits {
            order.insert(0, longest_overdue());
        }
        FarmPolicy { order, allow, collapse, backfill, properties, functions }
    }

    fn ask(&self, function: FunctionId, views: Vec<View>) -> Evaluated<Vec<Value>> {
        let Some(frozen) = self.functions.get(function.0 as usize) else {
            let message = format!("error: this configuration has no function {}", function.0);
            return Evaluated { value: Err(Fault { message }), reads: BTreeSet::new() };
        };
        let Evaluated { value, reads } = call(frozen, views);
        let value = value.and_then(|answer| match answer {
            Answer::Values(values) => Ok(values),
            Answer::Other(kind) => {
                let must = "a bool, an int, a string or a tuple of them";
                let message = format!("a function of the policy must answer {must}, not {kind}");
                Err(frozen.fault(message))
            }
        });
        Evaluated { value, reads }
    }

    /// Attributes that exist nowhere and that a function reads whomever of these it is asked
    /// about: what can be known before anybody waits.
    pub(crate) fn unknown_attributes(
        &self,
        requests: &[RequestView],
        workers: &[WorkerView],
    ) -> Vec<Diagnostic> {
        let terms = self.order.iter().filter_map(|term| match term.kind {
            TermKind::Function { function, request, worker } => Some((function, request, worker)),
            _ => None,
        });
        let mut findings = Vec::new();
        for (function, takes_request, takes_worker) in self.allow.into_iter().chain(terms) {
            let requests = &requests[..if takes_request { requests.len() } else { 1 }];
            let workers = &workers[..if takes_worker { workers.len() } else { 1 }];
            let views = requests.iter().flat_map(|r| workers.iter().map(move |w| (r, w)));
            let views = views.map(|(request, worker)| {
                let request = takes_request.then(|| views::request("request", request));
                let worker = takes_worker.then(|| views::worker(worker));
                request.into_iter().chain(worker).collect()
            });
            findings.extend(self.always_unknown(function, views));
        }
        if let (Some(function), [first, ..]) = (self.collapse, requests) {
            let pairs =
                requests.iter().map(|b| vec![views::request("a", first), views::request("b", b)]);
            findings.extend(self.always_unknown(function, pairs));
        }
        findings
    }

    fn always_unknown(
        &self,
        function: FunctionId,
        all: impl Iterator<Item = Vec<View>>,
    ) -> Option<Diagnostic> {
        let function = self.functions.get(function.0 as usize)?;
        let mut found = None;
        for views in all {
            let Called { value, unknown: true, .. } = attempt(function, views) else { return None };
            found = found.or(value.err());
        }
        found.map(|found| *found)
    }

    fn yes_or_no(&self, function: FunctionId, views: Vec<View>, what: &str) -> Evaluated<bool> {
        let Evaluated { value, reads } = self.ask(function, views);
        let value = value.and_then(|values| match values.as_slice() {
            [Value::Bool(yes)] => Ok(*yes),
            other => {
                let shown: Vec<String> = other.iter().map(ToString::to_string).collect();
                let message = format!("{what} must answer True or False, not {}", shown.join(", "));
                Err(self.functions[function.0 as usize].fault(message))
            }
        });
        Evaluated { value, reads }
    }
}

/// Goes before all that the farm declares, where something says how long requests wait at most.
fn longest_overdue() -> Term {
    let (label, direction) = ("longest overdue".to_owned(), Direction::Lowest);
    Term { label, direction, kind: TermKind::Overdue }
}

/// Highest priority, then oldest.
fn default_order() -> Vec<Term> {
    let term = |label: &str, direction, kind| Term { label: label.to_owned(), direction, kind };
    vec![
        term("highest priority", Direction::Highest, TermKind::Priority),
        term("oldest()", Direction::Lowest, TermKind::Submitted),
    ]
}

impl Policy for FarmPolicy {
    fn order(&self) -> &[Term] {
        &self.order
    }

    fn term(
        &self,
        function: FunctionId,
        request: Option<&RequestView>,
        worker: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>> {
        let request = request.map(|r| views::request("request", r));
        self.ask(function, request.into_iter().chain(worker.map(views::worker)).collect())
    }

    fn property(&self, property: PropertyId) -> &str {
        self.properties.get(property.0 as usize).map_or("", String::as_str)
    }

    fn allow(&self, request: &RequestView, worker: &WorkerView) -> Evaluated<bool> {
        let Some((function, takes_request, takes_worker)) = self.allow else {
            return Evaluated::constant(true);
        };
        let request = takes_request.then(|| views::request("request", request));
        let worker = takes_worker.then(|| views::worker(worker));
        self.yes_or_no(function, request.into_iter().chain(worker).collect(), "`allow`")
    }

    fn decides(&self) -> bool {
        let is_function = |term: &Term| matches!(term.kind, TermKind::Function { .. });
        self.allow.is_some() || self.order.iter().any(is_function)
    }

    fn backfills(&self) -> bool {
        self.backfill
    }

    fn collapses(&self) -> bool {
        self.collapse.is_some()
    }

    fn collapse(&self, older: &RequestView, newer: &RequestView) -> Option<Evaluated<bool>> {
        let function = self.collapse?;
        let views = vec![views::request("a", older), views::request("b", newer)];
        Some(self.yes_or_no(function, views, "`collapse`"))
    }

    fn condition(&self, function: FunctionId, build: &BuildView) -> Result<bool, Fault> {
        self.yes_or_no(function, vec![views::build(build)], "a step's `when`").value
    }
}
