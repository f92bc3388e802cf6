//! Pause, resume and drain: who and why, seen everywhere, through any restart.

use serde_json::{Value, json};

use crate::farm::{Client, Farm, until};

const FARM: &str = r#"
repo = git("../code", poll = "1h")
worker("barn", slots = 2)
builder("quick", steps = [shell("true")])
builder("long", steps = [shell("echo > DIR/begun; while [ ! -e DIR/go ]; do sleep 0.05; done")])
builder("code", steps = [checkout(repo), shell("git rev-parse HEAD")])
on_change(repo, builders = "code", name = "commits")
"#;

/// Waits until the request is explained as held back; the sentence.
#[track_caller]
fn held_back(client: &Client, request: i64) -> String {
    let said = until(&format!("request {request} is held back"), || {
        let said = client.get(&format!("/requests/{request}/explain"));
        (said["verdict"] == "paused").then_some(said)
    });
    said["summary"].as_str().expect("a sentence").to_owned()
}

#[track_caller]
fn done(farm: &Farm, args: &[&str]) -> String {
    let output = farm.steading(args);
    assert_eq!(output.code, Some(0), "{args:?}: {output:?}");
    output.stdout
}

#[test]
fn a_paused_builders_requests_wait_and_say_so_through_a_crash() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let said = done(&farm, &["pause", "builder", "quick", "--reason", "its mirror moves"]);
    assert!(said.contains("`steading resume builder quick` ends it"), "{said}");
    let request = client.force_plain("quick");
    let sentence = "builder quick is paused by owner: its mirror moves";
    assert_eq!(held_back(&client, request), sentence);
    let other = client.force_plain("code");
    assert_eq!(client.complete(other)["outcome"], "success", "nobody else is held back");
    farm.kill9();
    farm.up();
    assert_eq!(held_back(&client, request), sentence);
    let listed = done(&farm, &["list", "builders"]);
    assert!(listed.contains("paused by owner: its mirror moves"), "{listed}");
    let queue = client.get("/queue");
    assert_eq!((&queue["total"], &queue["items"][0]["summary"]), (&json!(1), &json!(sentence)));
    let row = client.item("/builders/quick");
    assert!(row["paused_at"].is_string(), "{row}");
    done(&farm, &["resume", "builder", "quick"]);
    assert_eq!(client.complete(request)["outcome"], "success");
    let events = done(&farm, &["events", "--noun", "builder"]);
    assert_eq!(events.matches("builder.flagged").count(), 2, "{events}");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_paused_scheduler_keeps_what_it_sees_and_builds_it_when_resumed() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let of = |revision: &str| client.list(&format!("/builds?revision={revision}"));
    let head = farm.code.git(&["rev-parse", "HEAD"]);
    until("the first build", || (of(head.trim()).len() == 1).then_some(()));
    done(&farm, &["change", "../code"]);
    done(&farm, &["pause", "scheduler", "commits", "--reason", "release day"]);
    for text in ["one", "two"] {
        farm.code.commit("README", text, text);
        done(&farm, &["change", "../code"]);
    }
    let newest = farm.code.git(&["rev-parse", "HEAD"]).trim().to_owned();
    until("both changes are known", || (client.list("/changes").len() >= 2).then_some(()));
    farm.kill9();
    farm.up();
    let row = client.item("/schedulers/commits");
    assert_eq!((&row["paused_by"], &row["paused_why"]), (&json!("owner"), &json!("release day")));
    assert_eq!(client.complete(client.force_plain("quick"))["outcome"], "success");
    assert_eq!(of(&newest), Vec::<Value>::new(), "nothing is built while it is paused");
    done(&farm, &["resume", "scheduler", "commits"]);
    let built = until("it is built", || of(&newest).first().cloned());
    let buildset = client.item(&format!("/buildsets/{}", built["buildset_id"]));
    let changes = buildset["changes"].as_array().map(Vec::len);
    assert!(changes >= Some(2), "nothing was lost: {buildset}");
    client.complete(built["request_id"].as_i64().expect("a request"));
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_paused_farm_starts_nothing_until_it_is_resumed() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    done(&farm, &["pause", "farm", "--reason", "power works"]);
    let request = client.force_plain("quick");
    let sentence = held_back(&client, request);
    assert!(sentence.starts_with("the farm is paused by owner: power works. "), "{sentence}");
    farm.kill9();
    farm.up();
    assert_eq!(client.get("/farm")["held"], "the farm is paused by owner: power works");
    client.until("/workers/barn", |barn| barn["state"] == "ready");
    held_back(&client, request);
    assert_eq!(client.item(&format!("/requests/{request}"))["state"], "pending");
    done(&farm, &["resume", "farm"]);
    assert_eq!(client.complete(request)["outcome"], "success");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_drain_returns_when_the_farm_is_quiet() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let long = client.force_plain("long");
    client.build_in(long, "running");
    let drain = farm.beside(&["drain", "--reason", "an upgrade"]);
    until("the farm drains", || client.get("/farm")["draining"].as_bool().filter(|yes| *yes));
    let request = client.force_plain("quick");
    assert!(held_back(&client, request).starts_with("the farm is drained by owner: an upgrade"));
    std::fs::write(farm.outside("go"), "").expect("written");
    let drained = drain.end();
    assert_eq!((drained.code, drained.stdout.as_str()), (Some(0), "farm is quiet\n"));
    assert!(drained.stderr.contains("long/1"), "{drained:?}");
    assert_eq!(client.item(&format!("/requests/{long}"))["outcome"], "success");
    assert_eq!(client.item(&format!("/requests/{request}"))["state"], "pending");
    done(&farm, &["resume", "farm"]);
    assert_eq!(client.complete(request)["outcome"], "success");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_drained_worker_stays_so_however_often_it_connects() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    client.until("/workers/barn", |barn| barn["state"] == "ready");
    let said = done(&farm, &["drain", "worker", "barn", "--reason", "a new disk"]);
    assert_eq!(said, "worker barn is quiet\n");
    assert_eq!(farm.stop(), Some(0));
    farm.up();
    let barn = client.until("/workers/barn", |barn| barn["state"] == "ready");
    assert_eq!((&barn["draining"], &barn["draining_by"]), (&json!(true), &json!("owner")));
    let listed = done(&farm, &["list", "workers"]);
    assert!(listed.contains("drained by owner: a new disk"), "{listed}");
    let request = client.force_plain("quick");
    done(&farm, &["resume", "barn"]);
    assert_eq!(client.complete(request)["outcome"], "success");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn what_is_not_there_cannot_be_paused() {
    let farm = Farm::started(FARM);
    let check = |args: &[&str], code: i32, said: &str| {
        let output = farm.steading(args);
        assert_eq!(output.code, Some(code), "{output:?}");
        assert!(output.stderr.contains(said), "{output:?}");
    };
    check(&["pause", "builder", "nobody"], 2, "nobody");
    check(&["pause", "bulider", "quick"], 2, "there is no worker `bulider`, and nothing was done");
    check(&["pause", "barn", "burn"], 2, "there is no worker `burn`");
    check(&["pause", "wood-*"], 2, "there is no worker `wood-*`");
    check(&["pause", "farm", "barn"], 2, "`farm` stands alone");
    check(&["drain", "builder", "quick"], 2, "pause it");
    check(&["cancel", "quick/1", "quick/2"], 2, "quick/1");
    let barn = farm.client().item("/workers/barn");
    assert!(barn["paused_by"].is_null(), "all or none: {barn}");
}

#[test]
fn several_are_held_back_at_once_and_who_lets_them_go_on_is_known() {
    let mut farm = Farm::started(
        r#"
worker("oak")
worker("elm")
worker("linux-1")
builder("quick", steps = [shell("true")])
builder("other", steps = [shell("true")])
force("ask", builders = ["quick"])
"#,
    );
    let client = farm.client();
    let said =
        done(&farm, &["pause", "oak", "elm", "linux-*", "oak", "--reason", "the rack moves"]);
    let of = |name: &str| client.item(&format!("/workers/{name}"));
    for name in ["oak", "elm", "linux-1"] {
        let ends = format!("worker {name} is paused: what runs goes on; `steading resume worker");
        assert_eq!(said.matches(&ends).count(), 1, "{said}");
        assert_eq!(of(name)["paused_why"], "the rack moves");
    }
    let said = done(&farm, &["resume", "oak", "elm", "--reason", "it stands", "--json"]);
    let rows: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 2, "a line for each: {said}");
    for row in &rows {
        let who = (&row["item"]["resumed_by"], &row["item"]["resumed_why"]);
        assert_eq!(who, (&json!("owner"), &json!("it stands")), "{row}");
        assert!(row["item"]["paused_by"].is_null(), "{row}");
    }
    assert_eq!(of("linux-1")["paused_why"], "the rack moves");
    let events = done(&farm, &["events", "--noun", "worker"]);
    assert_eq!(events.matches("\"resumed_why\":\"it stands\"").count(), 2, "{events}");
    assert_eq!(done(&farm, &["drain", "oak", "elm"]), "worker oak is quiet\nworker elm is quiet\n");
    done(&farm, &["resume", "oak", "elm", "linux-1"]);

    // A form refuses, and what is said of it says so.
    let said = done(&farm, &["pause", "scheduler", "ask", "--reason", "not now"]);
    assert!(said.contains("who asks it is refused until then"), "{said}");
    let refused = farm.steading(&["force", "quick"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("scheduler ask is paused by owner: not now"), "{refused:?}");
    let said = done(&farm, &["resume", "scheduler", "ask", "--reason", "now"]);
    assert_eq!(said, "scheduler ask may be asked again\n");
    assert_eq!(client.item("/schedulers/ask")["resumed_why"], "now");
    assert_eq!(client.complete(client.force_plain("quick"))["outcome"], "success");

    // Several are taken back at once.
    done(&farm, &["pause", "farm", "--reason", "power"]);
    let waits = ["quick", "other"].map(|builder| client.force_plain(builder).to_string());
    let args = ["cancel", "--request", &waits[0], &waits[1], "--reason", "never mind"];
    assert_eq!(done(&farm, &args).lines().count(), 2);
    for request in &waits {
        assert_eq!(client.item(&format!("/requests/{request}"))["outcome"], "cancelled");
    }
    done(&farm, &["resume", "farm", "--reason", "power is back"]);
    let told = done(&farm, &["events", "--noun", "farm"]);
    assert!(told.contains("power is back"), "{told}");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
