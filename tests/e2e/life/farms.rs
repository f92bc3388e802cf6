//! Being there or not.

use crate::farm::Farm;

const FARM: &str = r#"
builder("any", steps = [shell("echo hello", name = "say")])
"#;

#[test]
fn a_farm_that_is_up_answers_its_clients() {
    let mut farm = Farm::new(FARM);
    let url = farm.up();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let force = farm.steading(&["force", "any", "--wait"]);
    assert_eq!(force.code, Some(0), "{force:?}\n{}", farm.said());
    let log = farm.steading(&["log", "any/1", "say"]);
    assert_eq!((log.code, log.stdout.as_str()), (Some(0), "hello\n"), "{log:?}");
    let local = farm.client().item("/workers/local");
    assert!(local["slots"].as_i64() >= Some(1), "a farm without workers has one: {local}");
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
}

#[test]
fn without_a_farm_its_clients_say_so() {
    let farm = Farm::new(FARM);
    let list = farm.steading(&["list", "builds"]);
    assert_eq!(list.code, Some(3), "{list:?}");
    assert!(list.stderr.starts_with("error: no farm is running in "), "{list:?}");
}
