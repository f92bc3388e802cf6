//! Small worlds and policies of known answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use steading_core::farm::{
    BuildView, Direction, Evaluated, Farm, Fault, FunctionId, Lock, LockCapacity, Policy,
    PropertyList, RequestView, Term, TermKind, WorkerView,
};
use steading_core::matcher::NotNow;
use steading_core::replay::{Arrival, Length, PastWorker, World};
use steading_core::words::{Access, Duration, HeldLock, Micros, Property, RequestId, Value};

/// A moment, in seconds of the world.
pub(crate) fn at(seconds: i64) -> Micros {
    Micros(seconds * 1_000_000)
}

/// A request of a builder that takes so many seconds.
pub(crate) fn arrival(id: i64, builder: &str, submitted: i64, takes: i64) -> Arrival {
    let view = RequestView {
        id: RequestId(id),
        builder: builder.into(),
        priority: 0,
        repository: "repo".into(),
        branch: "main".into(),
        revision: format!("r{id}").into(),
        owner: Default::default(),
        reason: Default::default(),
        properties: PropertyList::default(),
        submitted_at: at(submitted),
        start_by: None,
    };
    let takes = Duration::seconds(takes);
    Arrival {
        at: at(submitted),
        view,
        recipe: Arc::default(),
        length: Length { locks: takes, slot: takes },
        priorities: Vec::new(),
        withdrawn_at: None,
    }
}

/// Words for what a test changes of a request.
pub(crate) trait With: Sized {
    fn priority(self, priority: i64) -> Self;
    fn exclusive(self, lock: &str) -> Self;
    fn project(self, project: &str) -> Self;
}

impl With for Arrival {
    fn priority(mut self, priority: i64) -> Arrival {
        self.view.priority = priority;
        self
    }

    fn exclusive(mut self, lock: &str) -> Arrival {
        let held = HeldLock { lock: lock.into(), access: Access::Exclusive };
        Arc::make_mut(&mut self.recipe).locks.push(held);
        self
    }

    fn project(mut self, project: &str) -> Arrival {
        let project = Property { value: Value::from(project), source: "test".into() };
        self.view.properties = [("project".to_owned(), project)].into_iter().collect();
        self
    }
}

pub(crate) fn worker(slots: i64) -> PastWorker {
    PastWorker {
        slots,
        labels: BTreeMap::new(),
        last_builder: String::new(),
        accepting: Ok(()),
        changes: Vec::new(),
    }
}

/// A worker that is away between two moments.
pub(crate) fn away(slots: i64, from: i64, to: i64) -> PastWorker {
    let changes = vec![(at(from), Err(NotNow::Offline)), (at(to), Ok(()))];
    PastWorker { changes, ..worker(slots) }
}

/// A world of a hundred seconds.
pub(crate) fn world(workers: &[(&str, PastWorker)], arrivals: Vec<Arrival>) -> World {
    let units = LockCapacity::Units(1);
    let disk = Lock { name: "disk".into(), per_worker: false, capacity: units };
    let farm = Farm { locks: BTreeMap::from([("disk".into(), disk)]), ..Farm::default() };
    let workers = workers.iter().map(|(name, past)| ((*name).to_owned(), past.clone()));
    let (since, until) = (at(0), at(100));
    let (workers, running, paces) = (workers.collect(), Vec::new(), BTreeMap::new());
    World { since, until, farm, arrivals, running, workers, paces }
}

/// A policy without functions, but for whom it allows and whether it collapses.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) order: Vec<Term>,
    pub(crate) refuses: &'static str,
    pub(crate) collapses: bool,
    pub(crate) backfills: bool,
}

fn term(direction: Direction, kind: TermKind) -> Term {
    Term { label: format!("{kind:?}"), direction, kind }
}

pub(crate) fn oldest() -> Plain {
    let order = vec![term(Direction::Lowest, TermKind::Submitted)];
    Plain { order, refuses: "", collapses: false, backfills: false }
}

pub(crate) fn highest_priority() -> Plain {
    let mut plain = oldest();
    plain.order.insert(0, term(Direction::Highest, TermKind::Priority));
    plain
}

impl Policy for Plain {
    fn order(&self) -> &[Term] {
        &self.order
    }

    fn term(
        &self,
        _: FunctionId,
        _: Option<&RequestView>,
        _: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>> {
        unreachable!("no term is a function")
    }

    fn allow(&self, request: &RequestView, _: &WorkerView) -> Evaluated<bool> {
        let reads = ["request.builder".to_owned()].into();
        Evaluated { value: Ok(request.builder != self.refuses), reads }
    }

    fn backfills(&self) -> bool {
        self.backfills
    }

    fn collapse(&self, _: &RequestView, _: &RequestView) -> Option<Evaluated<bool>> {
        self.collapses.then(|| Evaluated::constant(true))
    }

    fn condition(&self, _: FunctionId, _: &BuildView) -> Result<bool, Fault> {
        unreachable!("no step is run")
    }
}
