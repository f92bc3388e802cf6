//! What the policy says of a tuple: whether it may run at all, and how it ranks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::facts::World;
use super::memo::{Answer, Memo, Views};
use super::{TermValue, Why};
use crate::farm::{Direction, FairBy, Policy, RequestView, Term, TermKind, WorkerView};
use crate::words::{Duration, Micros, RequestId, Value};

/// A function of the policy failed: reported once per function and class pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReport {
    /// `allow`, or the label of the term.
    pub function: String,
    /// What went wrong.
    pub message: String,
    /// What it had read, and what that was: it fails for all of whom the same is true. Empty where
    /// answers are not remembered by that.
    pub seen: String,
    /// A request it failed on; 0 where it looked at none.
    pub request: RequestId,
    /// The worker it failed on.
    pub worker: String,
}

/// Faults not yet fetched, and what was reported without being remembered by class.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    pub(super) new: Vec<FaultReport>,
    reported: BTreeSet<(String, String)>,
}

/// Faults kept until they are fetched, and messages known to be reported: more tell nobody more.
const FAULTS_MAX: usize = 1_000;

impl Faults {
    fn report(&mut self, fault: FaultReport) {
        if self.new.len() < FAULTS_MAX {
            self.new.push(fault);
        }
    }

    pub(super) fn report_once(&mut self, fault: FaultReport) {
        let message = (fault.function.clone(), fault.message.clone());
        if self.reported.len() < FAULTS_MAX && self.reported.insert(message) {
            self.report(fault);
        }
    }
}

/// One term's value in a form whose greater is the better.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ranked {
    Highest(TermValue),
    Lowest(Reverse<TermValue>),
}

impl Ranked {
    pub(super) fn new(direction: Direction, value: TermValue) -> Ranked {
        match direction {
            Direction::Highest => Ranked::Highest(value),
            Direction::Lowest => Ranked::Lowest(Reverse(value)),
        }
    }

    pub(super) fn value(&self) -> &TermValue {
        match self {
            Ranked::Highest(value) | Ranked::Lowest(Reverse(value)) => value,
        }
    }
}

/// The types of a value: terms of different types cannot be compared.
pub(super) fn shape(value: &TermValue) -> Vec<&'static str> {
    let one = |v: &Value| match v {
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Text(_) => "string",
    };
    value.iter().map(one).collect()
}

/// The terms that depend on one side alone, by place; `None` where both sides are needed.
pub(super) type Half = Vec<Option<Result<Ranked, Why>>>;

/// When tuples are judged, and what the terms say that no function is asked about.
#[derive(Debug)]
pub(super) struct Moment<'a> {
    pub(super) policy: &'a dyn Policy,
    pub(super) now: Micros,
    running: BTreeMap<(FairBy, Option<Value>), i64>,
}

impl<'a> Moment<'a> {
    /// A moment for those who count the builds of groups themselves.
    pub(super) fn uncounted(policy: &'a dyn Policy, now: Micros) -> Moment<'a> {
        Moment { policy, now, running: BTreeMap::new() }
    }

    pub(super) fn of(policy: &'a dyn Policy, world: &World, now: Micros) -> Moment<'a> {
        let mut moment = Moment::uncounted(policy, now);
        for term in policy.order() {
            let TermKind::Fair { by } = term.kind else { continue };
            moment.running.retain(|(other, _), _| *other != by);
            for view in world.books.running() {
                *moment.running.entry((by, group(policy, by, view))).or_default() += 1;
            }
        }
        moment
    }

    /// What a term says that no function is asked about.
    pub(super) fn plain(&self, term: &Term, view: &RequestView) -> Option<i64> {
        Some(match term.kind {
            TermKind::Function { .. } => return None,
            TermKind::Aging { period } => age(period, view.submitted_at, self.now),
            TermKind::Overdue => overdue(view.start_by, self.now),
            TermKind::Fair { by } => self.running(by, view),
            TermKind::Submitted => view.submitted_at.0,
            TermKind::Priority => view.priority,
        })
    }

    fn running(&self, by: FairBy, view: &RequestView) -> i64 {
        self.running.get(&(by, group(self.policy, by, view))).copied().unwrap_or(0)
    }
}

/// The group of a request; `None` is the group of those without the property.
pub(super) fn group(policy: &dyn Policy, by: FairBy, view: &RequestView) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    match by {
        FairBy::Property(id) => view.properties.get(policy.property(id)).cloned(),
        FairBy::Builder => text(&view.builder),
        FairBy::Owner => text(&view.owner),
        FairBy::Repository => text(&view.repository),
        FairBy::Branch => text(&view.branch),
    }
}

/// When a request that is overdue was to start; the latest of all times for one that is not.
pub(super) fn overdue(start_by: Option<Micros>, now: Micros) -> i64 {
    start_by.filter(|at| *at <= now).map_or(i64::MAX, |at| at.0)
}

/// How often a period fits into the time a request waited.
pub(super) fn age(period: Duration, submitted: Micros, now: Micros) -> i64 {
    now.0.saturating_sub(submitted.0).max(0) / micros(period)
}

/// A period in microseconds, at least one.
pub(super) fn micros(period: Duration) -> i64 {
    period.0.saturating_mul(1_000).max(1)
}

/// Asks the policy, remembers the answers, collects the faults.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) moment: &'a Moment<'a>,
    pub(super) memo: &'a mut Memo,
    pub(super) faults: &'a mut Faults,
}

impl Judge<'_> {
    /// Whether the policy lets the request run on the worker.
    pub(super) fn allow(&mut self, request: &RequestView, worker: &WorkerView) -> Result<(), Why> {
        let views = Views { request: Some(request), worker: Some(worker) };
        let answer = self.memo.allow(views, || self.moment.policy.allow(request, worker));
        if self.settle(answer, "allow", views)? { Ok(()) } else { Err(Why::PolicyNo) }
    }

    /// The terms that look at nothing but the request.
    pub(super) fn request_half(&mut self, view: &RequestView) -> Half {
        let policy = self.moment.policy;
        let half = |term: &Term| match term.kind {
            TermKind::Function { worker: true, .. } => None,
            _ => Some(self.term(term, Views { request: Some(view), worker: None })),
        };
        policy.order().iter().map(half).collect()
    }

    /// The terms that look at nothing but the worker.
    pub(super) fn worker_half(&mut self, view: &WorkerView) -> Half {
        let policy = self.moment.policy;
        let half = |term: &Term| match term.kind {
            TermKind::Function { request: false, worker: true, .. } => {
                Some(self.term(term, Views { request: None, worker: Some(view) }))
            }
            _ => None,
        };
        policy.order().iter().map(half).collect()
    }

    /// All terms of a tuple, from its two halves and, where both are needed, from the policy.
    pub(super) fn rank(
        &mut self,
        (request, by_request): (&RequestView, &Half),
        (worker, by_worker): (&WorkerView, &Half),
    ) -> Result<Vec<Ranked>, Why> {
        let policy = self.moment.policy;
        let views = Views { request: Some(request), worker: Some(worker) };
        let whole = |(place, term): (usize, &Term)| match (&by_request[place], &by_worker[place]) {
            (Some(known), _) | (None, Some(known)) => known.clone(),
            (None, None) => self.term(term, views),
        };
        policy.order().iter().enumerate().map(whole).collect()
    }

    pub(super) fn term(&mut self, term: &Term, views: Views<'_>) -> Result<Ranked, Why> {
        let TermKind::Function { function, request, worker } = term.kind else {
            let plain = views.request.and_then(|view| self.moment.plain(term, view));
            return Ok(fixed(term, plain.unwrap_or(0)));
        };
        let seen = Views {
            request: views.request.filter(|_| request),
            worker: views.worker.filter(|_| worker),
        };
        let call = || self.moment.policy.term(function, seen.request, seen.worker);
        let answer = self.memo.term(function, seen, call);
        let value = self.settle(answer, &term.label, views)?;
        Ok(Ranked::new(term.direction, value))
    }

    fn settle<T>(&mut self, answer: Answer<T>, function: &str, views: Views<'_>) -> Result<T, Why> {
        answer.value.map_err(|fault| {
            let report = FaultReport {
                function: function.to_owned(),
                message: fault.message.clone(),
                seen: answer.seen,
                request: views.request.map_or(RequestId(0), |r| r.id),
                worker: views.worker.map_or_else(String::new, |w| w.name.clone()),
            };
            match (answer.fresh, answer.kept) {
                (true, true) => self.faults.report(report),
                (true, false) => self.faults.report_once(report),
                (false, _) => {}
            }
            Why::PolicyFault { function: function.to_owned(), message: fault.message }
        })
    }
}

fn fixed(term: &Term, value: i64) -> Ranked {
    Ranked::new(term.direction, vec![Value::Int(value)])
}
