//! The built-in terms of an order, and the ready-made orders of `@steading//policies.star`.

mod support;

use std::collections::BTreeMap;

use steading_core::farm::{Direction, FairBy, PropertyId, TermKind, WorkerView};
use steading_core::words::{Duration, Value};
use support::{bad, good, load_files};

const POLICIES: &str = "@steading//policies.star";

/// A farm with one of the ready-made orders.
fn ready_made(order: &str) -> String {
    let (name, _) = order.split_once('(').expect("a call");
    format!("load(\"{POLICIES}\", \"{name}\")\n\npolicy(order = {order})\n")
}

/// The terms of an order, one a line.
fn terms(text: &str) -> String {
    let policy = good(text).policy;
    let line = |label: &str, direction, kind| match kind {
        TermKind::Function { request, worker, .. } => {
            let sides = [(request, " of request"), (worker, " of worker")];
            let sides: String = sides.iter().filter(|s| s.0).map(|s| s.1).collect();
            format!("{label}: {direction:?}{sides}")
        }
        kind => format!("{label}: {direction:?} {kind:?}"),
    };
    let lines = policy.order().iter().map(|t| line(&t.label, t.direction, t.kind));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_overdue_goes_before_the_declared_order_where_waits_are_bounded() {
    let order = |text: &str| {
        let text =
            format!("builder(\"b\", steps = [shell(\"x\")]{text}\npolicy(order = [newest()])\n");
        let loaded = good(&text);
        let kinds = loaded.policy.order().iter().map(|term| (term.kind, term.direction));
        kinds.collect::<Vec<_>>()
    };
    let newest = (TermKind::Submitted, Direction::Highest);
    let overdue = (TermKind::Overdue, Direction::Lowest);
    assert_eq!(order(", max_builds = 2)"), [newest]);
    assert_eq!(order(", max_wait = \"2h\")"), [overdue, newest]);
    assert_eq!(
        order(")\nforce(\"f\", builders = \"b\", start_within = \"1h\")"),
        [overdue, newest]
    );
}

#[test]
fn the_built_in_terms() {
    let check = |term: &str, direction, kind| {
        let policy = good(&format!("policy(order = [{term}])\n")).policy;
        let found = &policy.order()[0];
        assert_eq!((found.direction, found.kind), (direction, kind), "{term}");
    };
    let aging = |ms| TermKind::Aging { period: Duration::millis(ms) };
    let fair = |by| TermKind::Fair { by };
    check("oldest()", Direction::Lowest, TermKind::Submitted);
    check("newest()", Direction::Highest, TermKind::Submitted);
    check("aging(\"30m\")", Direction::Highest, aging(1_800_000));
    check("aging(period = \"1ms\")", Direction::Highest, aging(1));
    check("fair(by = \"builder\")", Direction::Lowest, fair(FairBy::Builder));
    check("fair(\"owner\")", Direction::Lowest, fair(FairBy::Owner));
    check("fair(\"repository\")", Direction::Lowest, fair(FairBy::Repository));
    check("fair(\"branch\")", Direction::Lowest, fair(FairBy::Branch));
    check("fair(\"project\")", Direction::Lowest, fair(FairBy::Property(PropertyId(0))));
}

#[test]
fn properties_of_terms_have_names() {
    let text = "policy(order = [fair(\"project\"), fair(\"team\"), fair(by = \"project\")])\n";
    let policy = good(text).policy;
    let kinds: Vec<TermKind> = policy.order().iter().map(|t| t.kind).collect();
    let fair = |id| TermKind::Fair { by: FairBy::Property(PropertyId(id)) };
    assert_eq!(kinds, [fair(0), fair(1), fair(0)]);
    let name = |id| policy.property(PropertyId(id));
    assert_eq!((name(0), name(1), name(2)), ("project", "team", ""));
}

#[test]
fn terms_that_say_nothing() {
    let order = |terms: &str| bad(&format!("policy(order = [{terms}])\n"));
    insta::assert_snapshot!(order("aging(\"soon\"), aging(30), aging(\"0s\"), aging(None), aging()"), @r#"
    error: "soon" is not a duration
     --> farm.star:1:23
      |
    1 | policy(order = [aging("soon"), aging(30), aging("0s"), aging(None), aging()])
      |                       ^^^^^^
      = help: write a whole number and a unit, one of ms, s, m, h, d, as in "30s"

    error: `period` of `aging` has no unit
     --> farm.star:1:38
      |
    1 | policy(order = [aging("soon"), aging(30), aging("0s"), aging(None), aging()])
      |                                      ^^
      = help: write "30s" for seconds

    error: `period` of `aging` must be longer than nothing
     --> farm.star:1:49
      |
    1 | policy(order = [aging("soon"), aging(30), aging("0s"), aging(None), aging()])
      |                                                 ^^^^
      = help: write the time after which a request ranks higher, as in aging("30m")

    error: `period` is None
     --> farm.star:1:62
      |
    1 | policy(order = [aging("soon"), aging(30), aging("0s"), aging(None), aging()])
      |                                                              ^^^^

    error: `aging` needs `period`
     --> farm.star:1:69
      |
    1 | policy(order = [aging("soon"), aging(30), aging("0s"), aging(None), aging()])
      |                                                                     ^^^^^^^
    "#);
    insta::assert_snapshot!(order("fair(by = \"\"), fair(3), fair(\"worker\"), fair(), fair(of = \"x\")"), @r#"
    error: `by` of `fair` says what makes a group, and is empty
     --> farm.star:1:27
      |
    1 | policy(order = [fair(by = ""), fair(3), fair("worker"), fair(), fair(of = "x")])
      |                           ^^
      = help: write builder, owner, repository, branch, or the name of a property

    error: `by` of `fair` must be a string, not the number 3
     --> farm.star:1:37
      |
    1 | policy(order = [fair(by = ""), fair(3), fair("worker"), fair(), fair(of = "x")])
      |                                     ^

    error: requests that wait have no property "worker"
     --> farm.star:1:46
      |
    1 | policy(order = [fair(by = ""), fair(3), fair("worker"), fair(), fair(of = "x")])
      |                                              ^^^^^^^^
      = help: group them by builder, owner, repository, branch, or the name of a property

    error: `fair` needs `by`
     --> farm.star:1:57
      |
    1 | policy(order = [fair(by = ""), fair(3), fair("worker"), fair(), fair(of = "x")])
      |                                                         ^^^^^^

    error: `fair` has no argument `of`
     --> farm.star:1:70
      |
    1 | policy(order = [fair(by = ""), fair(3), fair("worker"), fair(), fair(of = "x")])
      |                                                                      ^^
      = help: it takes `by`

    error: `fair` needs `by`
     --> farm.star:1:65
      |
    1 | policy(order = [fair(by = ""), fair(3), fair("worker"), fair(), fair(of = "x")])
      |                                                                 ^^^^^^^^^^^^^^
    "#);
}

#[test]
fn the_ready_made_orders() {
    let shown = |order: &str| terms(&ready_made(order));
    insta::assert_snapshot!(shown("builder_first()"), @r"
    highest(lambda request: request.priority): Highest of request
    oldest(): Lowest Submitted
    lowest(lambda worker: worker.busy_slots): Lowest of worker
    ");
    insta::assert_snapshot!(shown("worker_first()"), @r"
    highest(lambda worker: _number(worker.labels.get(speed))): Highest of worker
    highest(lambda worker: worker.busy_slots): Highest of worker
    highest(lambda request: request.priority): Highest of request
    oldest(): Lowest Submitted
    ");
    insta::assert_snapshot!(shown("oldest_first()"), @"oldest(): Lowest Submitted");
    insta::assert_snapshot!(shown("fair_share(by = \"project\")"), @r#"
    fair(by = "project"): Lowest Fair { by: Property(PropertyId(0)) }
    highest(lambda request: request.priority): Highest of request
    oldest(): Lowest Submitted
    "#);
    insta::assert_snapshot!(shown("fair_share(\"owner\") + [aging(\"2h\")]"), @r#"
    fair(by = "owner"): Lowest Fair { by: Owner }
    highest(lambda request: request.priority): Highest of request
    oldest(): Lowest Submitted
    aging("2h"): Highest Aging { period: Duration(7200000) }
    "#);
}

#[test]
fn the_speed_of_a_worker_is_a_label() {
    let policy = good(&ready_made("worker_first(speed = \"cores\")")).policy;
    let TermKind::Function { function, .. } = policy.order()[0].kind else { panic!("a function") };
    let check = |label: &str, value: Value, expected: i64| {
        let worker = WorkerView {
            name: "barn".into(),
            labels: BTreeMap::from([(label.to_owned(), value)]),
            slots: 1,
            busy_slots: 0,
            last_builder: String::new(),
        };
        let answer = policy.term(function, None, Some(&worker));
        assert_eq!(answer.value, Ok(vec![Value::Int(expected)]), "{label}");
        assert_eq!(answer.reads, ["worker.labels.cores".to_owned()].into());
    };
    check("cores", Value::Int(8), 8);
    check("speed", Value::Int(8), 0);
    check("cores", Value::from("eight"), 0);
    check("cores", Value::Bool(true), 0);
}

#[test]
fn wrong_use_of_the_ready_made_orders() {
    insta::assert_snapshot!(bad(&ready_made("fair_share(by = \"\")")), @r"
    error: `by` of `fair` says what makes a group, and is empty
      --> @steading//policies.star:46:23
       |
    46 |     return [fair(by = by), highest(lambda request: request.priority), oldest()]
       |                       ^^
       = note: called from farm.star:3:16
       = help: write builder, owner, repository, branch, or the name of a property
    ");
    insta::assert_snapshot!(bad(&ready_made("worker_first(speed = 3)")), @r"
    error: value `3` of type `int` does not match the type annotation `str` for argument `speed`
     --> farm.star:3:16
      |
    3 | policy(order = worker_first(speed = 3))
      |                ^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(bad(&ready_made("buildbot()")), @r#"
    error: module has no symbol `buildbot`
     --> farm.star:1:34
      |
    1 | load("@steading//policies.star", "buildbot")
      |                                  ^^^^^^^^^^
    "#);
    insta::assert_snapshot!(bad(&ready_made("_number()")), @r#"
    error: cannot import private symbol `_number`
     --> farm.star:1:34
      |
    1 | load("@steading//policies.star", "_number")
      |                                  ^^^^^^^^^
    "#);
}

#[test]
fn a_stored_configuration_keeps_its_copy() {
    let loaded = good(&ready_made("oldest_first()"));
    let names: Vec<&str> = loaded.text.files.keys().map(String::as_str).collect();
    assert_eq!(names, [POLICIES, "farm.star"]);
    let stored = |library: &str, farm: &str| {
        let files = [(POLICIES, library), ("farm.star", farm)];
        load_files(&files).unwrap_or_else(|errors| panic!("{errors}"))
    };
    let again = stored(&loaded.text.files[POLICIES], &loaded.text.files["farm.star"]);
    assert_eq!((again.farm, again.text), (loaded.farm, loaded.text.clone()));
    let other = "def oldest_first():\n    return [newest()]\n";
    let then = stored(other, &loaded.text.files["farm.star"]).policy;
    assert_eq!(then.order()[0].label, "newest()");
    let gone = "load(\"@steading//gone.star\", \"x\")\npolicy(order = x)\n";
    let files = [("@steading//gone.star", "x = [newest()]\n"), ("farm.star", gone)];
    assert!(load_files(&files).is_ok(), "a file that this version no longer has");
}

#[test]
fn a_folder_cannot_stand_in_for_steading() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inside = folder.path().join("@steading");
    std::fs::create_dir(&inside).expect("a folder");
    std::fs::write(inside.join("policies.star"), "def oldest_first():\n    return [newest()]\n")
        .expect("written");
    std::fs::write(folder.path().join("farm.star"), ready_made("oldest_first()")).expect("written");
    let loaded = steading_config::load(folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.policy.order()[0].label, "oldest()");
}

#[test]
fn the_examples_of_the_page_are_farms() {
    let page = include_str!("../../../docs/policies.md");
    let examples = page.split("```python\n").skip(1);
    let examples: Vec<&str> = examples.filter_map(|e| Some(e.split_once("```")?.0)).collect();
    assert_eq!(examples.len(), 8);
    for example in examples {
        assert!(good(example).declares_policy, "{example}");
    }
}
