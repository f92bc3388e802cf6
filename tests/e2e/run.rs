//! `steading run`: build once, show it, leave nothing running; the exit code is the verdict.

use rustix::process::Signal;
use serde_json::Value;

use crate::farm::{Farm, Output, until};

const HELLO: &str = r#"
repo = git("../code")
worker("barn", slots = 2)
builder("hello", steps = [
    checkout(repo),
    shell("cat README && echo oops >&2", name = "greet"),
    upload("README"),
])
"#;

const COLOURS: &str = r#"
worker("barn", slots = 4)
builder("green", steps = [shell("true")])
builder("red", steps = [shell("echo out; echo the reason >&2; exit 3", name = "fail")])
builder("odd", steps = [shell("true", name = "ask", when = lambda build: build.nothing)])
builder("long", steps = [shell("touch DIR/begun; exec sleep 1000", name = "wait")])
"#;

#[track_caller]
fn has(output: &Output, code: i32, stdout: &[&str], stderr: &[&str]) {
    assert_eq!(output.code, Some(code), "{output:?}");
    for text in stdout {
        assert!(output.stdout.contains(text), "stdout has no `{text}`: {output:?}");
    }
    for text in stderr {
        assert!(output.stderr.contains(text), "stderr has no `{text}`: {output:?}");
    }
}

#[test]
fn a_green_farm_is_green_and_leaves_nothing_running() {
    let farm = Farm::new(HELLO);
    let run = farm.steading(&["run"]);
    has(&run, 0, &["hello/1", "✓ success", "greet"], &[]);
    farm.is_gone_and_sound();
    has(&farm.steading(&["run"]), 0, &["hello/2"], &[]);
}

#[test]
fn a_failing_step_is_red_and_shows_the_tail_of_its_stderr() {
    let farm = Farm::new(COLOURS);
    let run = farm.steading(&["run", "--builder", "red", "--builder", "green"]);
    has(&run, 1, &["red/1 · fail", "│ the reason", "✗ failure", "✓ success"], &[]);
    assert!(!run.stdout.contains("│ out"), "only stderr is the evidence: {run:?}");
    farm.is_gone_and_sound();
}

#[test]
fn what_is_not_the_builds_fault_is_infrastructure() {
    let farm = Farm::new(COLOURS);
    let run = farm.steading(&["run", "--builder", "odd"]);
    has(&run, 3, &["✱ exception", "has no attribute `nothing`"], &[]);
    farm.is_gone_and_sound();
}

#[test]
fn a_builder_nobody_knows_starts_nothing() {
    let farm = Farm::new(COLOURS);
    let run = farm.steading(&["run", "--builder", "geen"]);
    has(&run, 2, &[], &["no builder `geen`", "green, long, odd, red"]);
    assert!(!farm.data().exists());
}

#[test]
fn a_broken_configuration_starts_nothing() {
    let farm = Farm::new("worker(\"barn\")\nbuilder(\"a\", steps = [shel(\"true\")])\n");
    for command in ["check", "run", "up"] {
        let output = farm.steading(&[command]);
        assert_eq!(output.code, Some(2), "{command}: {output:?}");
        let said = format!("{}{}", output.stdout, output.stderr);
        for text in ["farm.star:2:23", "nothing named `shel`", "^^^^", "did you mean `shell`?"] {
            assert!(said.contains(text), "{command} does not say `{text}`: {output:?}");
        }
    }
    assert!(!farm.data().exists(), "nothing was started");
}

#[test]
fn a_farm_that_is_not_there_is_said_so() {
    let farm = Farm::new(HELLO);
    has(&farm.steading(&["run", "nowhere"]), 2, &[], &["nowhere", "farm.star"]);
}

#[test]
fn a_cancelled_build_is_neither_green_nor_red() {
    let farm = Farm::new(COLOURS);
    let run = farm.beside(&["run", "--builder", "long"]);
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    let cancel = farm.steading(&["cancel", "long/1", "--reason", "enough"]);
    has(&cancel, 0, &["long/1"], &[]);
    has(&run.end(), 4, &["cancelled"], &[]);
    farm.is_gone_and_sound();
}

#[test]
fn an_interrupt_cancels_and_leaves_nothing_running() {
    let farm = Farm::new(COLOURS);
    let run = farm.beside(&["run", "--builder", "long"]);
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    run.signal(Signal::INT);
    has(&run.end(), 130, &["cancelled"], &["interrupted"]);
    farm.is_gone_and_sound();
}

#[test]
fn as_a_client_of_a_farm_that_is_up_it_leaves_the_farm_up() {
    let mut farm = Farm::started(COLOURS);
    has(&farm.steading(&["run", "--builder", "green"]), 0, &["green/1"], &[]);
    assert_eq!(farm.client().item("/builds/green/1")["outcome"], "success");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn json_is_the_list_of_its_builds() {
    let farm = Farm::new(COLOURS);
    let run = farm.steading(&["run", "--builder", "green", "--builder", "red", "--json"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let list: Value = serde_json::from_str(&run.stdout).expect("one JSON document");
    let outcomes: Vec<(&str, &str)> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|build| {
            assert_eq!(build["state"], "finished", "{build}");
            let text = |field: &str| build[field].as_str().expect("a text");
            (text("builder"), text("outcome"))
        })
        .collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&("green", "success")) && outcomes.contains(&("red", "failure")));
    assert!(list["next"].is_null() && list["as_of"].is_u64(), "{list}");
}
