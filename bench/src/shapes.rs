//! Farms to measure: how many kinds of requests and workers there are, and who may meet whom.

use std::collections::BTreeMap;

use steading_core::farm::{Builder, Farm, Lock, LockCapacity, Plan, RequestView, WorkerView};
use steading_core::matcher::Candidate;
use steading_core::words::{Access, HeldLock, Micros, Property, RequestId, Value};

use crate::churn::Dice;

/// Farm-wide locks; the workers' own lock comes on top.
const LOCKS: i64 = 40;
/// Groups that `fair` shares between.
const PROJECTS: i64 = 50;

/// Who looks alike, and who may meet whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Kinds of requests; 0: each is its own.
    request_kinds: i64,
    /// Kinds of workers; 0: each is its own.
    worker_kinds: i64,
    /// Of so many cells of workers, a builder requires one.
    cells: i64,
    /// Builders name so many workers each.
    named: i64,
}

/// The shape whose policy is `farm.star` text; otherwise it is the first one.
pub(crate) const STARLARK: &str = "starlark";

pub(crate) const SHAPES: [Shape; 5] = [
    Shape { name: "typical", request_kinds: 500, worker_kinds: 200, cells: 3, named: 0 },
    Shape { name: STARLARK, request_kinds: 500, worker_kinds: 200, cells: 3, named: 0 },
    Shape { name: "per-builder", request_kinds: 20_000, worker_kinds: 0, cells: 0, named: 20 },
    Shape { name: "dense", request_kinds: 5_000, worker_kinds: 2_000, cells: 4, named: 0 },
    Shape { name: "unique", request_kinds: 0, worker_kinds: 0, cells: 385, named: 0 },
];

impl Shape {
    /// What the pair function reads.
    pub(crate) fn reads(&self) -> (&'static str, &'static str) {
        match self.name {
            "unique" => ("request.id", "worker.name"),
            "per-builder" => ("request.properties.zone", "worker.labels.zone"),
            _ => ("request.properties.kind", "worker.labels.kind"),
        }
    }

    pub(crate) fn farm(&self) -> Farm {
        let mut farm = Farm::default();
        for n in 0..LOCKS {
            let capacity = LockCapacity::Units(1 + n);
            let name = format!("lock{n}");
            farm.locks.insert(name.clone(), Lock { name, per_worker: false, capacity });
        }
        let (name, capacity) = ("disk".to_owned(), LockCapacity::Units(2));
        farm.locks.insert(name.clone(), Lock { name, per_worker: true, capacity });
        farm
    }

    pub(crate) fn worker(&self, n: i64) -> WorkerView {
        let kind = if self.worker_kinds == 0 { n } else { n % self.worker_kinds };
        let mut labels = BTreeMap::from([
            ("kind".to_owned(), Value::Int(kind)),
            ("zone".to_owned(), Value::Int(n % 5)),
            ("speed".to_owned(), Value::Int(n % 4)),
        ]);
        if self.cells > 0 {
            labels.insert("cell".to_owned(), Value::Int(kind % self.cells));
        }
        // One in ten has two slots: there, its own lock can be scarce.
        let slots = if n % 10 == 0 { 2 } else { 1 };
        WorkerView { name: worker(n), labels, slots, busy_slots: 0, last_builder: String::new() }
    }

    /// A worker of a kind that was not there before.
    pub(crate) fn new_worker(&self, n: i64) -> WorkerView {
        let mut view = self.worker(n);
        view.labels.insert("kind".to_owned(), Value::Int(-1));
        view
    }

    /// The kind of a request.
    pub(crate) fn kind(&self, id: i64, dice: &mut Dice) -> i64 {
        if self.request_kinds == 0 { id } else { dice.up_to(self.request_kinds - 1) }
    }

    pub(crate) fn request(
        &self,
        (id, kind): (i64, i64),
        (workers, now): (i64, i64),
        dice: &mut Dice,
    ) -> Candidate {
        let property = |value| Property { value: Value::Int(value), source: "bench".to_owned() };
        let properties = [
            ("kind".to_owned(), property(kind)),
            ("zone".to_owned(), property(kind % 5)),
            ("project".to_owned(), property(kind % PROJECTS)),
        ];
        let view = RequestView {
            id: RequestId(id),
            builder: format!("builder{kind}").into(),
            priority: dice.up_to(4),
            repository: "https://example.org/farm.git".into(),
            branch: "main".into(),
            revision: format!("{id:040x}").into(),
            owner: Default::default(),
            reason: "bench".into(),
            properties: properties.into_iter().collect(),
            submitted_at: Micros(now),
            start_by: None,
        };
        Candidate::new(view, &self.builder(kind, workers), None)
    }

    fn builder(&self, kind: i64, workers: i64) -> Builder {
        let cell = (self.cells > 0).then(|| ("cell".to_owned(), Value::Int(kind % self.cells)));
        let stride = 104_729 + kind / workers * 2;
        let named = (0..self.named).map(|n| worker((kind * 7_919 + n * stride) % workers));
        Builder {
            name: format!("builder{kind}"),
            requires: cell.into_iter().collect(),
            workers: named.collect(),
            locks: locks(kind),
            plan: Plan::default(),
            ..Builder::default()
        }
    }
}

fn worker(n: i64) -> String {
    format!("worker{n:05}")
}

/// Three kinds in ten want locks: of the farm, two of the farm, of the worker, of both.
fn locks(kind: i64) -> Vec<HeldLock> {
    let held = |lock: String, access| HeldLock { lock, access };
    let some = || held(format!("lock{}", kind / 10 % LOCKS), Access::Counting(1));
    let disk = || held("disk".to_owned(), Access::Counting(1 + kind / 10 % 2));
    match (kind % 10, kind / 10 % 10) {
        (0, 0) => vec![held(format!("lock{}", kind / 10 % LOCKS), Access::Exclusive)],
        (0, 1 | 2) => vec![some(), held(format!("lock{}", kind / 7 % LOCKS), Access::Counting(1))],
        (0 | 1, 3) => vec![some(), disk()],
        (0 | 1, _) => vec![some()],
        (2, _) => vec![disk()],
        _ => Vec::new(),
    }
}
