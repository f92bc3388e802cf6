//! A new configuration: all of it or nothing.

use rustix::process::Signal;

use crate::farm::{Farm, until};

const FARM: &str = r#"
worker("barn")
builder("old", steps = [shell("echo before", name = "say")])
"#;
const BETTER: &str = r#"
worker("barn")
worker("shed")
builder("old", steps = [shell("echo after", name = "say")])
builder("new", steps = [shell("true")])
"#;

#[test]
fn a_broken_file_changes_nothing_and_a_good_one_applies() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let before = client.list("/configurations");
    farm.configure("worker(\"barn\")\nbuilder(\"old\", stepz = [])\n");
    let reload = farm.steading(&["reload"]);
    assert_eq!(reload.code, Some(2), "{reload:?}");
    assert!(reload.stderr.contains("farm.star:2:"), "{reload:?}");
    assert_eq!(client.list("/configurations"), before);
    let build = client.build_in(client.force_plain("old"), "finished");
    assert_eq!(client.log(&build, "say", "stdout"), b"before\n");

    farm.configure(BETTER);
    let reload = farm.steading(&["reload"]);
    assert_eq!(reload.code, Some(0), "{reload:?}");
    assert!(reload.stdout.contains("new"), "the difference is told: {reload:?}");
    let build = client.build_in(client.force_plain("old"), "finished");
    assert_eq!(client.log(&build, "say", "stdout"), b"after\n");
    assert_eq!(client.complete(client.force_plain("new"))["outcome"], "success");
    client.until("/workers/shed", |shed| shed["state"] == "ready");
    let again = farm.steading(&["reload"]);
    assert_eq!((again.code, again.stdout.trim()), (Some(0), "nothing changed"), "{again:?}");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_hangup_reloads_too_and_a_worker_that_left_is_ended() {
    let mut farm = Farm::started(BETTER);
    let client = farm.client();
    client.until("/workers/shed", |shed| shed["state"] == "ready");
    farm.configure(FARM);
    farm.signal(Signal::HUP);
    client.until("/workers/shed", |shed| shed["state"] == "offline");
    until("the worker's process ends", || {
        let of_shed = |(_, line): &(i32, String)| line.contains("--name shed");
        (!farm.processes().iter().any(of_shed)).then_some(())
    });
    assert_eq!(client.item("/builders/new")["active"], false);
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
