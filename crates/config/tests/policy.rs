//! The user's functions behind the seam: answers, what they read, and how they fail.

mod support;

use std::collections::BTreeMap;

use steading_core::farm::{BuildView, Evaluated, FunctionId, RequestView, TermKind, WorkerView};
use steading_core::words::{Micros, Properties, Property, RequestId, Value};
use support::{bad, good};

fn properties() -> Properties {
    let property = |value| Property { value, source: "force".to_owned() };
    [("project", Value::from("web")), ("tries", Value::Int(3)), ("fast", Value::Bool(true))]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), property(value)))
        .collect()
}

fn request() -> RequestView {
    RequestView {
        id: RequestId(7),
        builder: "hello".into(),
        priority: 2,
        repository: "hello.git".into(),
        branch: "release/2.4".into(),
        revision: "abc".into(),
        owner: "ann".into(),
        reason: "change".into(),
        properties: properties().into(),
        submitted_at: Micros(1_000_000),
        start_by: None,
    }
}

fn worker() -> WorkerView {
    WorkerView {
        name: "barn".into(),
        labels: BTreeMap::from([("os".to_owned(), Value::from("linux"))]),
        slots: 2,
        busy_slots: 1,
        last_builder: "hello".into(),
    }
}

fn build() -> BuildView {
    BuildView {
        builder: "hello".into(),
        number: 12,
        repository: "hello.git".into(),
        branch: "main".into(),
        revision: "abc".into(),
        worker: "barn".into(),
        owner: String::new(),
        reason: "change".into(),
        properties: properties(),
        outcome: "success".into(),
    }
}

/// The value of the first term of an order, and what it read.
#[track_caller]
fn term(function: &str) -> Evaluated<Vec<Value>> {
    let policy = good(&format!("policy(order = [highest({function})])\n")).policy;
    let TermKind::Function { function, request: of_request, worker: of_worker } =
        policy.order()[0].kind
    else {
        panic!("not a function: {:?}", policy.order());
    };
    let (request, worker) = (request(), worker());
    policy.term(function, of_request.then_some(&request), of_worker.then_some(&worker))
}

#[track_caller]
fn check(function: &str, expected: &[Value], reads: &[&str]) {
    let Evaluated { value, reads: read } = term(function);
    let value = value.unwrap_or_else(|fault| panic!("{}", fault.message));
    assert_eq!(value, expected, "{function}");
    assert_eq!(read.iter().map(String::as_str).collect::<Vec<_>>(), reads, "{function}");
}

#[track_caller]
fn fault(function: &str) -> String {
    term(function).value.expect_err("a fault").message
}

#[test]
fn answers_are_plain_values_and_tuples_of_them() {
    check("lambda request: request.priority", &[Value::Int(2)], &["request.priority"]);
    check("lambda request: request.branch", &["release/2.4".into()], &["request.branch"]);
    check(
        "lambda request, worker: request.builder == worker.last_builder",
        &[Value::Bool(true)],
        &["request.builder", "worker.last_builder"],
    );
    check(
        "lambda worker: (worker.slots - worker.busy_slots, worker.name)",
        &[Value::Int(1), "barn".into()],
        &["worker.busy_slots", "worker.name", "worker.slots"],
    );
    check("lambda request: 1", &[Value::Int(1)], &[]);
}

#[test]
fn only_what_is_looked_at_is_read() {
    let os = &["worker.labels.os"];
    check("lambda worker: worker.labels[\"os\"]", &["linux".into()], os);
    check("lambda worker: worker.labels.get(\"os\", \"\")", &["linux".into()], os);
    let spot = &["worker.labels.spot"];
    check("lambda worker: \"spot\" in worker.labels", &[Value::Bool(false)], spot);
    check("lambda worker: worker.labels.get(\"spot\", 5)", &[Value::Int(5)], spot);
    check("lambda worker: \"spot\" not in worker.labels", &[Value::Bool(true)], spot);
    let project = &["request.properties.project"];
    check("lambda request: request.properties[\"project\"]", &["web".into()], project);
    check(
        "lambda request: request.properties.get(\"fast\")",
        &[Value::Bool(true)],
        &["request.properties.fast"],
    );
    check("lambda request: request.id if False else 0", &[Value::Int(0)], &[]);
}

#[test]
fn looking_at_all_is_reading_all() {
    let all = &["worker.labels.*"];
    check("lambda worker: len(worker.labels)", &[Value::Int(1)], all);
    check("lambda worker: \" \".join([l for l in worker.labels])", &["os".into()], all);
    check("lambda worker: worker.labels.keys()[0]", &["os".into()], all);
    check("lambda worker: worker.labels.values()[0]", &["linux".into()], all);
    check("lambda worker: worker.labels.items()[0]", &["os".into(), "linux".into()], all);
    check("lambda worker: bool(worker.labels)", &[Value::Bool(true)], all);
    check(
        "lambda request: request.submitted_at",
        &[Value::Int(1_000_000)],
        &["request.submitted_at"],
    );
}

#[test]
fn what_is_printed_tells_nothing_that_was_not_read() {
    check("lambda request: str(request)", &["<request>".into()], &[]);
    check("lambda worker: repr(worker.labels)", &["<worker.labels>".into()], &[]);
}

#[test]
fn an_attribute_that_does_not_exist() {
    let refused = |function: &str| bad(&format!("policy(order = [highest({function})])\n"));
    insta::assert_snapshot!(refused("lambda request: request.brunch"), @r#"
    error: a request has no attribute `brunch`; did you mean `branch`? it has id, builder, priority, repository, branch, revision, owner, reason, properties, submitted_at
     --> farm.star:1:41
      |
    1 | policy(order = [highest(lambda request: request.brunch)])
      |                                         ^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(refused("lambda worker: worker.labels.os"), @r#"
    error: worker.labels has no attribute `os`; write worker.labels["os"] or worker.labels.get("os")
     --> farm.star:1:40
      |
    1 | policy(order = [highest(lambda worker: worker.labels.os)])
      |                                        ^^^^^^^^^^^^^^^^
    "#);
    let only = |text: &str| bad(text).lines().next().unwrap_or_default().to_owned();
    let error = only("policy(allow = lambda request, worker: worker.nime != request.owner)");
    assert!(error.starts_with("error: a worker has no attribute `nime`; did you mean"), "{error}");
    let error = only("policy(collapse = lambda a, b: a.brunch == b.branch)");
    assert!(error.starts_with("error: a request has no attribute `brunch`"), "{error}");
    // Read for some only: it may never be asked about those.
    good("policy(allow = lambda request: request.priority < 3 or request.brunch == 1)");
    let message = fault("lambda request: request.owner != \"ann\" or request.brunch");
    assert!(message.starts_with("error: a request has no attribute `brunch`"), "{message}");
}

#[test]
fn a_key_that_does_not_exist() {
    let function = "lambda worker: worker.labels[\"spot\"]";
    insta::assert_snapshot!(fault(function), @r#"
    error: worker.labels has no "spot" here; use worker.labels.get("spot") or "spot" in worker.labels
     --> farm.star:1:40
      |
    1 | policy(order = [highest(lambda worker: worker.labels["spot"])])
      |                                        ^^^^^^^^^^^^^^^^^^^^^
    "#);
    assert!(term(function).reads.contains("worker.labels.spot"), "a fault's reads count too");
}

#[test]
fn an_answer_that_has_no_order() {
    insta::assert_snapshot!(fault("lambda request: 1.5"), @r#"
    error: a function of the policy must answer a bool, an int, a string or a tuple of them, not a float
     --> farm.star:1:17
      |
    1 | policy(order = [highest(lambda request: 1.5)])
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(fault("lambda request: (1, None)"), @r#"
    error: a function of the policy must answer a bool, an int, a string or a tuple of them, not a tuple with None
     --> farm.star:1:17
      |
    1 | policy(order = [highest(lambda request: (1, None))])
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(fault("lambda request: None"), @r#"
    error: a function of the policy must answer a bool, an int, a string or a tuple of them, not None
     --> farm.star:1:17
      |
    1 | policy(order = [highest(lambda request: None)])
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_fault_names_the_way_to_it() {
    let text = "def rank(request):\n    return weights()[request.branch]\n\n\
                def weights():\n    return {\"main\": 1}\n\npolicy(order = [highest(rank)])\n";
    let policy = good(text).policy;
    let fault = policy.term(FunctionId(0), Some(&request()), None).value.expect_err("no key");
    insta::assert_snapshot!(fault.message, @r#"
    error: key `"release/2.4"` was not found
     --> farm.star:2:12
      |
    2 |     return weights()[request.branch]
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_function_without_an_end_is_stopped() {
    insta::assert_snapshot!(fault("lambda request: len([n for n in range(1000000000)])"), @r#"
    error: this function takes too long: the limit is 100000 calls and loop rounds
     --> farm.star:1:57
      |
    1 | policy(order = [highest(lambda request: len([n for n in range(1000000000)]))])
      |                                                         ^^^^^^^^^^^^^^^^^
      = help: look for a loop with too many rounds
    "#);
}

#[test]
fn a_function_that_eats_memory_is_stopped() {
    insta::assert_snapshot!(fault("lambda request: len([\"x\" * 10000 for n in range(50000)])"), @r#"
    error: this function needs too much memory: the limit is 16 MiB
     --> farm.star:1:67
      |
    1 | policy(order = [highest(lambda request: len(["x" * 10000 for n in range(50000)]))])
      |                                                                   ^^^^^^^^^^^^
      = help: look for what grows; it is noticed a bit late
    "#);
}

#[test]
fn the_farms_functions_do_not_work_later() {
    insta::assert_snapshot!(fault("lambda request: prop(\"x\")"), @r#"
    error: the functions of a farm work while farm.star is evaluated, not afterwards
     --> farm.star:1:41
      |
    1 | policy(order = [highest(lambda request: prop("x"))])
      |                                         ^^^^^^^^^
    "#);
}

#[test]
fn a_deep_call_is_stopped() {
    let text =
        "def f(n):\n    return f(n + 1)\n\npolicy(order = [highest(lambda request: f(0))])\n";
    let fault = good(text).policy.term(FunctionId(0), Some(&request()), None).value;
    let message = fault.expect_err("too deep").message;
    assert!(message.starts_with("error: functions call each other too deep"), "{message}");
}

#[test]
fn allow_is_asked_with_what_it_takes() {
    let allow = |function: &str| {
        let policy = good(&format!("policy(allow = {function})\n")).policy;
        policy.allow(&request(), &worker())
    };
    let both = allow(
        "lambda request, worker: not (\"spot\" in worker.labels and request.branch.startswith(\"release/\"))",
    );
    assert_eq!(both.value, Ok(true));
    assert_eq!(both.reads, ["worker.labels.spot".to_owned()].into());
    assert_eq!(allow("lambda worker: worker.name != \"barn\"").value, Ok(false));
    let fault = allow("lambda request: 1").value.expect_err("neither yes nor no");
    insta::assert_snapshot!(fault.message, @r#"
    error: `allow` must answer True or False, not 1
     --> farm.star:1:1
      |
    1 | policy(allow = lambda request: 1)
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn collapse_sees_the_older_as_a_and_the_newer_as_b() {
    let policy = good("policy(collapse = lambda a, b: a.branch != b.branch)\n").policy;
    let newer = RequestView { branch: "main".into(), ..request() };
    let answer = policy.collapse(&request(), &newer).expect("it collapses");
    assert_eq!(answer.value, Ok(true));
    assert_eq!(answer.reads, ["a.branch".to_owned(), "b.branch".to_owned()].into());
}

#[test]
fn a_condition_sees_its_build() {
    let check = |condition: &str, expected: Result<bool, ()>| {
        let text = format!("builder(\"b\", steps = [shell(\"x\", when = {condition})])\n");
        let loaded = good(&text);
        let function = loaded.farm.builders["b"].plan.steps[0].when.expect("a condition");
        let answer = loaded.policy.condition(function, &build()).map_err(|_| ());
        assert_eq!(answer, expected, "{condition}");
    };
    check("lambda build: build.branch == \"main\"", Ok(true));
    check("lambda build: build.outcome != \"success\"", Ok(false));
    check("lambda build: build.properties[\"tries\"] > 2", Ok(true));
    check("lambda build: build.number", Err(()));
    check("lambda build: build.nothing", Err(()));
}

#[test]
fn without_a_policy_the_highest_priority_then_the_oldest_goes_first() {
    let policy = good("").policy;
    let kinds: Vec<TermKind> = policy.order().iter().map(|t| t.kind).collect();
    assert_eq!(kinds, [TermKind::Priority, TermKind::Submitted]);
    assert_eq!(policy.allow(&request(), &worker()), Evaluated::constant(true));
    assert_eq!(policy.collapse(&request(), &request()), None);
}

#[test]
fn a_function_nobody_wrote_is_a_fault() {
    let policy = good("").policy;
    assert!(policy.term(FunctionId(9), Some(&request()), None).value.is_err());
    assert!(policy.condition(FunctionId(9), &build()).is_err());
}

#[test]
fn threads_ask_the_same_policy() {
    let policy = good("policy(order = [highest(lambda request: request.priority)])\n").policy;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let policy = &policy;
            scope.spawn(move || {
                for _ in 0..50 {
                    let value = policy.term(FunctionId(0), Some(&request()), None).value;
                    assert_eq!(value, Ok(vec![Value::Int(2)]));
                }
            });
        }
    });
}

#[test]
fn functions_of_loaded_files_and_closures_live_on() {
    let lib = "LIMIT = 3\n\ndef below(limit):\n    return lambda request: request.priority < limit\n\n\
               below_limit = below(LIMIT)\n";
    let farm = "load(\"//lib.star\", \"below\", \"below_limit\")\n\n\
                policy(order = [highest(below_limit), highest(below(1))])\n";
    let loaded = support::load_files(&[("farm.star", farm), ("lib.star", lib)]);
    let policy = loaded.unwrap_or_else(|errors| panic!("{errors}")).policy;
    let ask = |id| policy.term(FunctionId(id), Some(&request()), None).value;
    assert_eq!((ask(0), ask(1)), (Ok(vec![Value::Bool(true)]), Ok(vec![Value::Bool(false)])));
}
