//! The order that the shapes are measured under: every kind of term, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use steading_core::farm::{
    BuildView, Direction, Evaluated, FairBy, Fault, FunctionId, Policy, PropertyId, RequestView,
    Term, TermKind, WorkerView,
};
use steading_core::words::{Duration, Value};

/// `aging("30m")`, `highest(priority)`, `fair(by = "project")`, a pair function, a function of the
/// worker alone, `oldest()`.
#[derive(Debug)]
pub(crate) struct ShapePolicy {
    terms: Vec<Term>,
    /// The attributes that tell requests and workers apart for the pair function.
    reads: (&'static str, &'static str),
}

const PAIR: FunctionId = FunctionId(0);
const SPEED: FunctionId = FunctionId(1);

impl ShapePolicy {
    pub(crate) fn new(reads: (&'static str, &'static str)) -> ShapePolicy {
        let function = |function, request| TermKind::Function { function, request, worker: true };
        let terms = [
            (Direction::Highest, TermKind::Aging { period: Duration::seconds(1_800) }),
            (Direction::Highest, TermKind::Priority),
            (Direction::Lowest, TermKind::Fair { by: FairBy::Property(PropertyId(0)) }),
            (Direction::Highest, function(PAIR, true)),
            (Direction::Highest, function(SPEED, false)),
            (Direction::Lowest, TermKind::Submitted),
        ];
        let term = |(direction, kind): (Direction, TermKind)| Term {
            label: format!("{kind:?}"),
            direction,
            kind,
        };
        ShapePolicy { terms: terms.into_iter().map(term).collect(), reads }
    }
}

/// The same order, as people write it.
const TEXT: &str = r#"
policy(order = [
    aging("30m"),
    highest(lambda request: request.priority),
    fair(by = "project"),
    highest(lambda request, worker:
        (request.properties["kind"] * 31 + worker.labels["kind"] * 17) % 7),
    highest(lambda worker: worker.labels["speed"]),
    oldest(),
])
"#;

/// The policy of that text; nothing if it does not evaluate, which is said.
pub(crate) fn of_text() -> Option<Arc<dyn Policy>> {
    let files = BTreeMap::from([("farm.star".to_owned(), TEXT.to_owned())]);
    match steading_config::load_texts(&files, Path::new(".")) {
        Ok(loaded) => Some(loaded.policy),
        Err(errors) => {
            println!("{errors}");
            None
        }
    }
}

fn int(value: Option<&Value>) -> i64 {
    if let Some(Value::Int(n)) = value { *n } else { 0 }
}

impl Policy for ShapePolicy {
    fn order(&self) -> &[Term] {
        &self.terms
    }

    fn term(
        &self,
        function: FunctionId,
        request: Option<&RequestView>,
        worker: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>> {
        let speed = worker.map_or(0, |w| int(w.labels.get("speed")));
        if function == SPEED {
            let reads = BTreeSet::from(["worker.labels.speed".to_owned()]);
            return Evaluated { value: Ok(vec![Value::Int(speed)]), reads };
        }
        let request = request.map_or(0, |r| int(r.properties.get("kind")));
        let worker = worker.map_or(0, |w| int(w.labels.get("kind")));
        let warmth = (request * 31 + worker * 17) % 7;
        let reads = BTreeSet::from([self.reads.0.to_owned(), self.reads.1.to_owned()]);
        Evaluated { value: Ok(vec![Value::Int(warmth)]), reads }
    }

    fn property(&self, _: PropertyId) -> &str {
        "project"
    }

    fn allow(&self, _: &RequestView, _: &WorkerView) -> Evaluated<bool> {
        Evaluated::constant(true)
    }

    fn collapse(&self, _: &RequestView, _: &RequestView) -> Option<Evaluated<bool>> {
        None
    }

    fn condition(&self, _: FunctionId, _: &BuildView) -> Result<bool, Fault> {
        Ok(true)
    }
}
