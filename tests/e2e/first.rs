//! A newcomer's first minutes.

use crate::farm::Farm;

const HELLO: &str = r#"
repo = git("../code")
worker("local", slots = 2)
builder("hello", steps = [
    checkout(repo),
    shell("cat README && echo oops >&2", name = "greet"),
])
"#;

const RED: &str = r#"
worker("local", slots = 2)
builder("red", steps = [shell("echo the reason >&2; exit 3", name = "fail")])
builder("green", steps = [shell("true")])
"#;

#[test]
fn run_builds_once_and_leaves_nothing_running() {
    let farm = Farm::new(HELLO);
    let run = farm.steading(&["run"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("✓ success"), "{run:?}");
    assert_eq!(farm.processes(), []);
    let audit = farm.steading(&["audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

#[test]
fn a_failing_step_is_red_and_shows_its_stderr() {
    let farm = Farm::new(RED);
    let run = farm.steading(&["run"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.contains("│ the reason"), "{run:?}");
    let green = farm.steading(&["run", "--builder", "green"]);
    assert_eq!(green.code, Some(0), "{green:?}");
}

#[test]
fn a_farm_that_is_up_answers_its_clients() {
    let mut farm = Farm::new(HELLO);
    let url = farm.up();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let force = farm.steading(&["force", "hello", "--wait"]);
    assert_eq!(force.code, Some(0), "{force:?}\n{}", farm.said());
    let log = farm.steading(&["log", "hello/1", "greet"]);
    let mut lines: Vec<&str> = log.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["hello", "oops"], "{log:?}");
    let second = farm.steading(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stderr.contains("(pid "), "{second:?}");
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    assert_eq!(farm.processes(), []);
}

#[test]
fn without_a_farm_the_clients_say_so() {
    let farm = Farm::new(HELLO);
    let list = farm.steading(&["list", "builds"]);
    assert_eq!(list.code, Some(3), "{list:?}");
    assert!(list.stderr.starts_with("error: no farm is running in "), "{list:?}");
}

#[test]
fn a_broken_configuration_starts_nothing() {
    let farm = Farm::new("worker(\n");
    for command in ["check", "run", "up"] {
        let output = farm.steading(&[command]);
        assert_eq!(output.code, Some(2), "{command}: {output:?}");
        assert!(output.stderr.contains("farm.star:"), "{command}: {output:?}");
    }
    assert!(!farm.path().join(".steading").exists());
}
