//! Who waits, and for what.

use serde_json::{Value, json};

use crate::farm::{Client, Farm, until};

const FARM: &str = r#"
worker("barn", slots = 3, labels = {"os": "linux"})
workers("mac-*", labels = {"os": "mac"})
shelf = lock("shelf", capacity = 2)
builder("quick", steps = [shell("true")])
builder("apple", requires = {"os": "mac"}, steps = [shell("true")])
builder("whole", locks = [shelf.exclusive()], steps = [shell("while [ ! -e DIR/go ]; do sleep 0.05; done")])
builder("part", locks = [shelf.counting(1)], steps = [shell("sleep 0.2")])
"#;

/// The farm, its worker there.
fn started() -> (Farm, Client) {
    let farm = Farm::started(FARM);
    let client = farm.client();
    client.until("/workers/barn", |barn| barn["state"] == "ready");
    (farm, client)
}

/// Waits until the explanation has this verdict.
#[track_caller]
fn explained(client: &Client, request: i64, verdict: &str) -> Value {
    until(&format!("request {request} is explained as {verdict}"), || {
        let said = client.get(&format!("/requests/{request}/explain"));
        (said["verdict"] == verdict).then_some(said)
    })
}

#[test]
fn a_paused_worker_takes_nothing_and_says_why() {
    let (farm, client) = started();
    let pause = farm.steading(&["pause", "barn", "--reason", "new roof"]);
    assert_eq!(pause.code, Some(0), "{pause:?}");
    let barn = client.item("/workers/barn");
    assert_eq!(barn["paused_why"], "new roof", "{barn}");
    let request = client.force_plain("quick");
    let said = explained(&client, request, "waits_for_worker");
    assert!(said.to_string().contains("\"paused\""), "{said}");
    let shown = farm.steading(&["explain", &request.to_string()]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("barn") && shown.stdout.contains("paused"), "{shown:?}");
    assert_eq!(client.item(&format!("/requests/{request}"))["state"], "pending");
    let resume = farm.steading(&["resume", "barn"]);
    assert_eq!(resume.code, Some(0), "{resume:?}");
    assert_eq!(client.complete(request)["outcome"], "success");
}

#[test]
fn a_request_no_worker_can_take_yet_is_explained() {
    let (_farm, client) = started();
    let request = client.force_plain("apple");
    let said = explained(&client, request, "waits_for_worker");
    assert_eq!(said["state"], "pending", "{said}");
    let barn = json!(["barn"]);
    let excluded = said["workers"].as_array().expect("workers");
    let why = excluded.iter().find(|exclusion| exclusion["workers"] == barn);
    assert_eq!(why.expect("barn is excluded")["predicate"], "label_differs", "{said}");
    let queue = client.get("/queue");
    assert_eq!(queue["items"][0]["request_id"], request, "{queue}");
    let quick = client.force_plain("quick");
    assert_eq!(client.complete(quick)["outcome"], "success", "it blocks nobody else");
}

#[test]
fn an_exclusive_lock_is_never_shared_and_its_waiters_know_who_holds_it() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let first = client.force_plain("whole");
    client.build_in(first, "running");
    let waiting = client.force_plain("part");
    let said = explained(&client, waiting, "waits_for_locks");
    assert_eq!(said["locks"][0]["lock"], "shelf", "{said}");
    assert_eq!(said["locks"][0]["holders"], json!(["whole/1"]), "{said}");
    std::fs::write(farm.outside("go"), "").expect("written");
    let more = ["part", "whole", "part", "part", "whole", "part"];
    let more: Vec<i64> = more.iter().map(|builder| client.force_plain(builder)).collect();
    for request in [first, waiting].into_iter().chain(more) {
        assert_eq!(client.complete(request)["outcome"], "success");
    }
    let builds = client.list("/builds?order=id");
    assert_eq!(builds.len(), 8);
    nobody_beside_the_exclusive(&builds);
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

/// Times are texts of one shape: they compare as they stand.
fn nobody_beside_the_exclusive(builds: &[Value]) {
    let time = |build: &Value, field: &str| build[field].as_str().expect("a time").to_owned();
    let held = |build| (time(build, "started_at"), time(build, "steps_ended_at"));
    for whole in builds.iter().filter(|build| build["builder"] == "whole") {
        let (from, to) = held(whole);
        for other in builds.iter().filter(|other| other["id"] != whole["id"]) {
            let (begin, end) = held(other);
            assert!(end <= from || to <= begin, "{whole}\nbeside\n{other}");
        }
    }
}
