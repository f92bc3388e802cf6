//! Random policies written as `farm.star`: what is written, and what its author means by it.

use std::collections::BTreeMap;
use std::path::Path;

use steading_config::load_texts;
use steading_core::farm::{Direction, TermKind};

use crate::churn::Dice;
use crate::written::{Means, Written};

/// What the functions below call.
const HELPERS: &str = r#"load("@steading//policies.star",
     "builder_first", "fair_share", "oldest_first", "worker_first")

URGENT = 2
FAST = {"yes": 3, "no": 1}

def weigh(factor):
    return lambda request: request.priority * factor

def kinship(request, worker):
    shared = 0
    for name, value in worker.labels.items():
        if value == request.properties.get("size") or name == request.branch:
            shared += 1
    return (shared, worker.labels.get("os", "none"))

def pace(worker):
    return FAST.get(worker.labels.get("fast"), 0) - worker.busy_slots

def slow(request, worker):
    if request.branch == "bad" and "fast" in worker.labels:
        for a in range(1000):
            for b in range(1000):
                pass
    return 0
"#;

/// What `allow` may be; nothing: it is left out.
const ALLOWS: [&str; 14] = [
    "",
    "",
    "lambda request, worker: True",
    "lambda request, worker: not (\"spot\" in worker.labels and request.branch == \"release\")",
    "lambda worker, request: worker.busy_slots == 0 or request.priority >= URGENT",
    "lambda worker: worker.busy_slots == 0 or worker.labels.get(\"fast\") == \"yes\"",
    "lambda request: request.branch != \"bad\"",
    "lambda request, worker: request.id % 3 != 0 or worker.name != \"w1\"",
    "lambda request, worker: request.owner == \"ann\" or worker.last_builder != request.builder",
    "lambda request, worker: len(request.properties) == 0 or len(worker.labels) > 1",
    // Errors: raised, an index out of range, neither yes nor no, a name that does not exist.
    "lambda request, worker: fail(\"no\") if request.branch == \"bad\" and \"spot\" in worker.labels \
     else True",
    "lambda request, worker: [True, False][request.priority]",
    "lambda request, worker: worker.busy_slots or worker.slots > 1",
    "lambda request, worker: request.priority < URGENT or request.brunch == \"main\"",
];

const REQUEST: (bool, bool) = (true, false);
const WORKER: (bool, bool) = (false, true);
const PAIR: (bool, bool) = (true, true);

/// Functions that terms may have, and what they take.
const FUNCTIONS: [(&str, (bool, bool)); 26] = [
    ("lambda request: request.priority", REQUEST),
    ("lambda request: request.submitted_at", REQUEST),
    ("lambda request: request.branch == \"main\"", REQUEST),
    ("lambda request: (request.priority >= URGENT, request.branch)", REQUEST),
    ("lambda request: request.properties.get(\"size\", 0)", REQUEST),
    ("lambda request: request.id % 3", REQUEST),
    ("weigh(2)", REQUEST),
    ("weigh(-1)", REQUEST),
    ("lambda worker: worker.busy_slots", WORKER),
    ("lambda worker: worker.slots - worker.busy_slots", WORKER),
    ("lambda worker: \"fast\" in worker.labels", WORKER),
    ("lambda worker: worker.name", WORKER),
    ("pace", WORKER),
    ("lambda worker: worker.labels.get(\"speed\", 1)", WORKER),
    ("lambda request, worker: worker.last_builder == request.builder", PAIR),
    ("lambda worker, request: worker.last_builder == request.builder", PAIR),
    (
        "lambda request, worker: (request.priority, request.branch) if \"fast\" in worker.labels \
         else (1, \"main\")",
        PAIR,
    ),
    ("lambda request, worker: (request.id + len(worker.name + worker.last_builder)) % 2", PAIR),
    ("lambda request, worker: request.priority * (1 + worker.busy_slots)", PAIR),
    ("lambda request, worker: -request.priority if \"spot\" in worker.labels else 0", PAIR),
    ("kinship", PAIR),
    // Errors on some tuples; values of two types; a worker without the label.
    ("lambda request, worker: 1 // (worker.slots - 1)", PAIR),
    (
        "lambda request, worker: fail(\"no\") if request.branch == \"bad\" and \"fast\" in \
         worker.labels else 0",
        PAIR,
    ),
    ("lambda worker: worker.labels[\"speed\"]", WORKER),
    ("lambda request: \"urgent\" if request.priority == URGENT else request.priority", REQUEST),
    ("slow", PAIR),
];
/// The last of them are seldom, or nothing else would be tested.
const SELDOM: usize = 5;

/// A random policy, evaluated from its text.
pub(crate) fn written(dice: &mut Dice) -> Written {
    let mut order = Order::default();
    for _ in 0..=dice.roll(3) {
        match dice.roll(8) {
            0 => order.built_in(dice),
            1 => order.ready_made(dice),
            _ => order.function(dice),
        }
    }
    let lists = order.lists.iter().map(|list| format!("\n        + {list}")).collect::<String>();
    let allow = match *dice.pick(&ALLOWS) {
        "" => String::new(),
        allow => format!("\n    allow = {allow},"),
    };
    // Not rolled for: so that the worlds of old seeds are what they were.
    let backfill = if dice.0.is_multiple_of(2) { "\n    backfill = True," } else { "" };
    let text = format!("{HELPERS}\npolicy({allow}\n    order = []{lists},{backfill}\n)\n");
    load(text, &order.terms)
}

/// Evaluates the text. Only the ids of the functions are taken from what it was understood as.
fn load(text: String, terms: &[(Option<Means>, (bool, bool), Direction)]) -> Written {
    let files = BTreeMap::from([("farm.star".to_owned(), text.clone())]);
    let files = with_library(files);
    let loaded = load_texts(&files, Path::new("/nowhere"));
    let policy = loaded.unwrap_or_else(|errors| panic!("{errors}\n{text}")).policy;
    let understood = policy.order();
    assert_eq!(understood.len(), terms.len(), "{text}");
    let term = |(place, (means, sides, direction)): (usize, &(Option<Means>, _, Direction))| {
        assert_eq!(understood[place].direction, *direction, "term {place} of {text}");
        let means = means.unwrap_or_else(|| match understood[place].kind {
            TermKind::Function { function, .. } => Means::Function(function, *sides),
            kind => panic!("term {place} became {kind:?} in {text}"),
        });
        (means, *direction)
    };
    let terms = terms.iter().enumerate().map(term).collect();
    Written { policy, terms, text }
}

/// A stored configuration has the texts of all files it loads.
fn with_library(mut files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let library = include_str!("../../src/library/policies.star").to_owned();
    files.insert("@steading//policies.star".to_owned(), library);
    files
}

/// An order as it is written down; `None` means a function.
#[derive(Default)]
struct Order {
    lists: Vec<String>,
    terms: Vec<(Option<Means>, (bool, bool), Direction)>,
}

impl Order {
    fn function(&mut self, dice: &mut Dice) {
        let seldom = dice.one_in(12);
        let (many, few) = FUNCTIONS.split_at(FUNCTIONS.len() - SELDOM);
        // Running into the limit takes its time.
        let few = if dice.one_in(8) { few } else { &few[..SELDOM - 1] };
        let (function, sides) = *dice.pick(if seldom { few } else { many });
        let (word, direction) = match dice.one_in(2) {
            true => ("highest", Direction::Highest),
            false => ("lowest", Direction::Lowest),
        };
        self.lists.push(format!("[{word}({function})]"));
        self.terms.push((None, sides, direction));
    }

    fn built_in(&mut self, dice: &mut Dice) {
        let (text, means, direction) = *dice.pick(&[
            ("oldest()", Means::Submitted, Direction::Lowest),
            ("newest()", Means::Submitted, Direction::Highest),
            ("aging(\"1ms\")", Means::Aging(1), Direction::Highest),
            ("aging(period = \"2ms\")", Means::Aging(2), Direction::Highest),
            ("fair(\"builder\")", Means::FairBuilder, Direction::Lowest),
            ("fair(by = \"branch\")", Means::FairBranch, Direction::Lowest),
            ("fair(by = \"owner\")", Means::FairOwner, Direction::Lowest),
            ("fair(by = \"repository\")", Means::FairRepository, Direction::Lowest),
            ("fair(by = \"size\")", Means::FairSize, Direction::Lowest),
        ]);
        self.lists.push(format!("[{text}]"));
        self.terms.push((Some(means), REQUEST, direction));
    }

    /// The lists that `@steading//policies.star` promises.
    fn ready_made(&mut self, dice: &mut Dice) {
        let priority = (None, REQUEST, Direction::Highest);
        let oldest = (Some(Means::Submitted), REQUEST, Direction::Lowest);
        let worker = |direction| (None, WORKER, direction);
        let fair = |means| (Some(means), REQUEST, Direction::Lowest);
        let (list, terms) = match dice.roll(5) {
            0 => ("builder_first()", vec![priority, oldest, worker(Direction::Lowest)]),
            1 => {
                let workers = [worker(Direction::Highest), worker(Direction::Highest)];
                ("worker_first()", [&workers[..], &[priority, oldest]].concat())
            }
            2 => ("oldest_first()", vec![oldest]),
            3 => ("fair_share(by = \"size\")", vec![fair(Means::FairSize), priority, oldest]),
            _ => ("fair_share(\"owner\")", vec![fair(Means::FairOwner), priority, oldest]),
        };
        self.lists.push(list.to_owned());
        self.terms.extend(terms);
    }
}
