//! A worker that is brought back to a clean state between builds.

use crate::farm::{Farm, until};

const FARM: &str = r#"
worker("barn", reset = ["sh", "DIR/reset.sh"], reset_timeout = "2s")
builder("quick", steps = [shell("echo build >> DIR/story")])
"#;

/// A farm whose reset is this script.
fn farm(script: &str) -> Farm {
    let farm = Farm::new(FARM);
    write_script(&farm, script);
    farm
}

fn write_script(farm: &Farm, script: &str) {
    let outside = farm.outside("").to_string_lossy().into_owned();
    std::fs::write(farm.outside("reset.sh"), script.replace("DIR/", &outside)).expect("written");
}

#[test]
fn a_worker_is_reset_between_builds_and_gets_nothing_meanwhile() {
    let mut farm = farm(
        "echo reset of $STEADING_WORKER >> DIR/story\nwhile [ -e DIR/hold ]; do sleep 0.05; done\n",
    );
    farm.up();
    let client = farm.client();
    client.until("/workers/barn", |barn| barn["state"] == "ready");
    assert_eq!(farm.written("story"), "reset of barn\n", "nobody knows what it had before");
    std::fs::write(farm.outside("hold"), "").expect("written");
    let first = client.force_plain("quick");
    client.complete(first);
    let barn = client.until("/workers/barn", |barn| barn["state"] == "resetting");
    assert!(barn["dirty_at"].is_string(), "{barn}");
    let second = client.force_plain("quick");
    let said = client.get(&format!("/requests/{second}/explain"));
    assert!(said.to_string().contains("being reset"), "{said}");
    assert_eq!(client.item(&format!("/requests/{second}"))["state"], "pending");
    std::fs::remove_file(farm.outside("hold")).expect("removed");
    assert_eq!(client.complete(second)["outcome"], "success");
    let barn = client
        .until("/workers/barn", |barn| barn["state"] == "ready" && barn["dirty_at"].is_null());
    assert!(barn["reset_at"].is_string(), "{barn}");
    let story = "reset of barn\nbuild\nreset of barn\nbuild\nreset of barn\n";
    assert_eq!(farm.written("story"), story);
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_reset_that_hangs_is_killed_and_tried_again() {
    let mut farm = farm("[ -e DIR/tried ] && exit 0\necho > DIR/tried\nexec sleep 1000\n");
    farm.up();
    let client = farm.client();
    let barn = client.until("/workers/barn", |barn| barn["reset_failures"] == 1);
    let why = barn["reset_error"].as_str().unwrap_or_default();
    assert!(why.contains("had not ended after 2"), "{barn}");
    client.until("/workers/barn", |barn| barn["state"] == "ready");
    assert_eq!(client.complete(client.force_plain("quick"))["outcome"], "success");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_worker_that_cannot_be_reset_is_taken_out_and_says_why() {
    let mut farm = farm("echo no snapshot >&2\nexit 7\n");
    farm.up();
    let client = farm.client();
    let barn = client.until("/workers/barn", |barn| barn["quarantined_until"].is_string());
    let why = barn["quarantined_why"].as_str().unwrap_or_default();
    assert!(why.contains("3 resets failed") && why.contains("no snapshot"), "{why}");
    write_script(&farm, "exit 0\n");
    let resume = farm.steading(&["resume", "worker", "barn"]);
    assert_eq!(resume.code, Some(0), "{resume:?}");
    assert_eq!(client.complete(client.force_plain("quick"))["outcome"], "success");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_reset_that_the_masters_death_cut_off_is_done_again() {
    let mut farm = farm("echo begun >> DIR/begun\nwhile [ ! -e DIR/go ]; do sleep 0.05; done\n");
    farm.up();
    let client = farm.client();
    until("a reset runs", || (!farm.written("begun").is_empty()).then_some(()));
    client.until("/workers/barn", |barn| barn["state"] == "resetting");
    farm.kill9();
    std::fs::write(farm.outside("go"), "").expect("written");
    farm.up();
    assert_eq!(client.complete(client.force_plain("quick"))["outcome"], "success");
    assert!(farm.written("begun").lines().count() >= 2, "it was begun again");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
