//! Policies for tests: each function is written once over a reader that notes what it looks at.

use std::cell::RefCell;
use std::sync::Arc;

use steading_core::farm::{
    BuildView, Direction, Evaluated, FairBy, Fault, FunctionId, Policy, PropertyId, Reads,
    RequestView, Term, TermKind, WorkerView,
};
use steading_core::words::{Duration, Value};

use crate::written::{Means, Written};

/// A tuple's views, and what was read of them.
pub(crate) struct Reader<'a> {
    request: Option<&'a RequestView>,
    worker: Option<&'a WorkerView>,
    reads: RefCell<Reads>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(request: Option<&'a RequestView>, worker: Option<&'a WorkerView>) -> Self {
        Reader { request, worker, reads: RefCell::new(Reads::new()) }
    }

    fn request(&self, field: &str) -> &'a RequestView {
        self.reads.borrow_mut().insert(format!("request.{field}"));
        self.request.expect("declared")
    }

    fn worker(&self, field: &str) -> &'a WorkerView {
        self.reads.borrow_mut().insert(format!("worker.{field}"));
        self.worker.expect("declared")
    }

    fn label(&self, name: &str) -> Option<&'a Value> {
        self.worker(&format!("labels.{name}")).labels.get(name)
    }
}

/// What `allow` may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allow {
    All,
    /// Spot machines take no release branch: reads the branch only where it matters.
    NoReleaseOnSpot,
    /// At most one build per worker, except for urgent requests.
    OneUnlessUrgent,
    /// Fails on spot machines for branch `bad`.
    FailsOnBad,
}

impl Allow {
    pub(crate) const ALL: [Allow; 4] =
        [Allow::All, Allow::NoReleaseOnSpot, Allow::OneUnlessUrgent, Allow::FailsOnBad];

    fn ask(self, on: &Reader<'_>) -> Result<bool, String> {
        match self {
            Allow::All => Ok(true),
            Allow::NoReleaseOnSpot => {
                Ok(on.label("spot").is_none() || on.request("branch").branch != "release")
            }
            Allow::OneUnlessUrgent => {
                Ok(on.worker("busy_slots").busy_slots == 0 || on.request("priority").priority > 1)
            }
            Allow::FailsOnBad => match on.request("branch").branch == "bad" {
                true if on.label("spot").is_some() => Err("bad on spot".into()),
                _ => Ok(true),
            },
        }
    }
}

/// What a term may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Priority,
    Submitted,
    IsMain,
    Busy,
    Fast,
    Affinity,
    /// A tuple that needs both sides.
    Pair,
    /// Fails for one branch on one kind of worker.
    Fails,
    /// A string for urgent requests, a number otherwise.
    Mixed,
    /// Reads a whole map and a property.
    Maps,
    /// Needs nothing.
    Constant,
    /// Grows by one per millisecond of waiting.
    Aging,
    /// Says when it was to start, once that is over.
    Overdue,
    /// Running builds of the same builder, branch, owner, repository, or value of `size`.
    FairBuilder,
    FairBranch,
    FairOwner,
    FairRepository,
    FairSize,
}

impl Kind {
    pub(crate) const ALL: [Kind; 18] = [
        Kind::Priority,
        Kind::Submitted,
        Kind::IsMain,
        Kind::Busy,
        Kind::Fast,
        Kind::Affinity,
        Kind::Pair,
        Kind::Fails,
        Kind::Mixed,
        Kind::Maps,
        Kind::Constant,
        Kind::Aging,
        Kind::Overdue,
        Kind::FairBuilder,
        Kind::FairBranch,
        Kind::FairOwner,
        Kind::FairRepository,
        Kind::FairSize,
    ];

    fn means(self, function: FunctionId) -> Means {
        match self {
            // As its term is written.
            Kind::Priority if function.0.is_multiple_of(2) => Means::Priority,
            Kind::Aging => Means::Aging(1),
            Kind::Overdue => Means::Overdue,
            Kind::FairBuilder => Means::FairBuilder,
            Kind::FairBranch => Means::FairBranch,
            Kind::FairOwner => Means::FairOwner,
            Kind::FairRepository => Means::FairRepository,
            Kind::FairSize => Means::FairSize,
            kind => Means::Function(function, kind.sides()),
        }
    }

    /// The terms no function is asked about.
    fn built_in(self) -> Option<TermKind> {
        let fair = |by| Some(TermKind::Fair { by });
        match self {
            Kind::Aging => Some(TermKind::Aging { period: Duration::millis(1) }),
            Kind::Overdue => Some(TermKind::Overdue),
            Kind::FairBuilder => fair(FairBy::Builder),
            Kind::FairBranch => fair(FairBy::Branch),
            Kind::FairOwner => fair(FairBy::Owner),
            Kind::FairRepository => fair(FairBy::Repository),
            Kind::FairSize => fair(FairBy::Property(PropertyId(0))),
            _ => None,
        }
    }

    fn sides(self) -> (bool, bool) {
        match self {
            kind if kind.built_in().is_some() => (true, false),
            Kind::Priority | Kind::Submitted | Kind::IsMain | Kind::Mixed => (true, false),
            Kind::Busy | Kind::Fast => (false, true),
            Kind::Affinity | Kind::Pair | Kind::Fails | Kind::Maps => (true, true),
            _ => (false, false),
        }
    }

    fn ask(self, on: &Reader<'_>) -> Result<Vec<Value>, String> {
        Ok(match self {
            Kind::Priority => vec![Value::Int(on.request("priority").priority)],
            Kind::Submitted => vec![Value::Int(on.request("submitted_at").submitted_at.0)],
            Kind::IsMain => vec![Value::Bool(on.request("branch").branch == "main")],
            Kind::Busy => vec![Value::Int(on.worker("busy_slots").busy_slots)],
            Kind::Fast => vec![Value::Bool(on.label("fast").is_some())],
            Kind::Affinity => {
                let last = &on.worker("last_builder").last_builder;
                vec![Value::Bool(*last == on.request("builder").builder)]
            }
            Kind::Pair => match on.label("fast") {
                Some(_) => vec![
                    Value::Int(on.request("priority").priority),
                    Value::Text(on.request("branch").branch.to_string()),
                ],
                None => vec![Value::Int(1), Value::Text("main".into())],
            },
            Kind::Fails => {
                if on.request("branch").branch == "bad" && on.label("fast").is_some() {
                    return Err("bad on fast".into());
                }
                vec![Value::Bool(true)]
            }
            Kind::Mixed => match on.request("priority").priority {
                2 => vec![Value::Text("urgent".into())],
                n => vec![Value::Int(n)],
            },
            Kind::Maps => {
                let labels = on.worker("labels.*").labels.len();
                let property = on.request("properties.size").properties.get("size");
                let size = property.map_or(0, |p| if *p == Value::Int(2) { 2 } else { 1 });
                vec![Value::Int(i64::try_from(labels).expect("small") * size)]
            }
            Kind::Constant => vec![Value::Int(0)],
            built_in => return Err(format!("{built_in:?} is no function")),
        })
    }
}

/// A policy of these parts.
#[derive(Debug, Clone)]
pub(crate) struct TestPolicy {
    allow: Allow,
    kinds: Vec<(Kind, Direction)>,
    terms: Vec<Term>,
    backfills: bool,
}

impl TestPolicy {
    pub(crate) fn new(allow: Allow, kinds: Vec<(Kind, Direction)>) -> TestPolicy {
        let term = |(place, (kind, direction)): (usize, &(Kind, Direction))| {
            let (request, worker) = kind.sides();
            let function = FunctionId(u32::try_from(place).expect("few"));
            // The built-in kinds and the same thing as a function must agree.
            let kind_ = match (kind, place % 2) {
                (Kind::Priority, 0) => TermKind::Priority,
                (Kind::Submitted, 0) => TermKind::Submitted,
                _ => kind.built_in().unwrap_or(TermKind::Function { function, request, worker }),
            };
            Term { label: format!("{kind:?}"), direction: *direction, kind: kind_ }
        };
        let terms = kinds.iter().enumerate().map(term).collect();
        TestPolicy { allow, kinds, terms, backfills: false }
    }

    pub(crate) fn backfills(self, backfills: bool) -> TestPolicy {
        TestPolicy { backfills, ..self }
    }
}

impl From<TestPolicy> for Written {
    fn from(policy: TestPolicy) -> Written {
        let means = |(place, (kind, direction)): (usize, &(Kind, Direction))| {
            (kind.means(FunctionId(u32::try_from(place).expect("few"))), *direction)
        };
        let terms = policy.kinds.iter().enumerate().map(means).collect();
        let backfill = if policy.backfills { ", backfill" } else { "" };
        let text = format!("{:?}, {:?}{backfill}", policy.allow, policy.kinds);
        Written { policy: Arc::new(policy), terms, text }
    }
}

fn evaluated<T>(reader: Reader<'_>, value: Result<T, String>) -> Evaluated<T> {
    let value = value.map_err(|message| Fault { message });
    Evaluated { value, reads: reader.reads.into_inner() }
}

impl Policy for TestPolicy {
    fn order(&self) -> &[Term] {
        &self.terms
    }

    fn term(
        &self,
        function: FunctionId,
        request: Option<&RequestView>,
        worker: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>> {
        let (kind, _) = self.kinds[function.0 as usize];
        assert_eq!((request.is_some(), worker.is_some()), kind.sides(), "as declared");
        let reader = Reader::new(request, worker);
        let value = kind.ask(&reader);
        evaluated(reader, value)
    }

    fn property(&self, _: PropertyId) -> &str {
        "size"
    }

    fn allow(&self, request: &RequestView, worker: &WorkerView) -> Evaluated<bool> {
        let reader = Reader::new(Some(request), Some(worker));
        let value = self.allow.ask(&reader);
        evaluated(reader, value)
    }

    fn backfills(&self) -> bool {
        self.backfills
    }

    fn collapse(&self, _: &RequestView, _: &RequestView) -> Option<Evaluated<bool>> {
        None
    }

    fn condition(&self, _: FunctionId, _: &BuildView) -> Result<bool, Fault> {
        Ok(true)
    }
}
