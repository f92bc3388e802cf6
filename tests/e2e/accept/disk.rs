//! Disks that are slow, and disks that are full: the farm waits, says so, and goes on.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::far::Far;
use super::machine::Machine;
use super::say;
use super::stream::{AWK, stream};
use crate::farm::{Client, Farm, until};

/// What builds print.
const SEED: u64 = 20_261_124;

/// A build that waits for its sign and then prints `lines` of the stream.
fn builder(lines: usize) -> String {
    format!(
        "builder(\"stream\", retries = 50, steps = [shell(\"\"\"\n\
         echo x >> DIR/begun; while [ ! -e DIR/go ]; do sleep 0.05; done\n\
         awk 'BEGIN {{ x = {SEED}; n = {lines}; {AWK} }}'\n\"\"\", name = \"stream\")])\n"
    )
}

fn go(farm: &Farm) {
    std::fs::write(farm.outside("go"), "").expect("written");
}

/// The request went well; answers how many builds that took.
#[track_caller]
fn is_whole(client: &Client, request: i64, lines: usize) -> usize {
    let complete = client.complete(request);
    assert_eq!(complete["outcome"], "success", "{complete}");
    let builds = client.list(&format!("/requests/{request}/builds?order=id"));
    let good = builds.last().expect("a build");
    assert!(client.log(good, "stream", "stdout") == stream(SEED, lines), "the log of {good}");
    builds.len()
}

/// Each sync of the one disk takes this long: far beyond what a tired disk needs.
const SLOW: Duration = Duration::from_millis(400);
/// What is built on the slow disk.
const BUILDS: usize = 8;

#[test]
fn on_a_slow_disk_all_is_slower_and_nobody_is_lost() {
    const LINES: usize = 30_000;
    let mut farm = Farm::new(&format!("worker(\"barn\", slots = 4)\n{}", builder(LINES)));
    let Some(machine) = Machine::new(&farm.path(), &farm.data(), &farm.outside("boot")) else {
        return;
    };
    farm.up_as(machine.process(farm.command(&["up", "--listen", "127.0.0.1:0"])));
    let (client, feed) = (farm.client(), farm.feed());
    client.until("/workers/barn", |worker| worker["state"] == "ready");
    machine.disk().delay(SLOW);
    let (began, syncs) = (Instant::now(), machine.figures().syncs);
    go(&farm);
    let requests: Vec<i64> = (0..BUILDS).map(|_| client.force_plain("stream")).collect();
    for request in requests {
        assert_eq!(is_whole(&client, request, LINES), 1, "built once");
    }
    let (took, syncs) = (began.elapsed(), machine.figures().syncs - syncs);
    // Longer than a silence after which a worker would be given up.
    let silence = Duration::from_millis(steading_wire::worker::SILENCE_MS);
    until("time enough for a worker to be lost", || (began.elapsed() > silence).then_some(()));
    let was_away = |event: &&Value| {
        let offline = event["delta"]["state"] == "offline";
        event["noun"] == "worker" && event["kind"] != "worker.added" && offline
    };
    let events = feed.up_to(feed.newest());
    assert_eq!(events.iter().rfind(was_away), None, "no worker was lost");
    machine.disk().delay(Duration::ZERO);
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    say(&format!(
        "slow disk: {} ms a sync, {BUILDS} builds of 4 slots in {:.1} s ({syncs} syncs), each once, \
         no worker lost",
        SLOW.as_millis(),
        took.as_secs_f64(),
    ));
}

#[test]
fn a_full_disk_of_the_master_stops_intake_and_spoils_nothing() {
    const LINES: usize = 200_000;
    let star = format!("keep_free(\"64MiB\")\nworkers(\"far\", slots = 2)\n{}", builder(LINES));
    let mut farm = Farm::new(&star);
    let Some(machine) = Machine::new(&farm.path(), &farm.data(), &farm.outside("boot")) else {
        return;
    };
    farm.up_as(machine.process(farm.command(&["master", "--listen", "127.0.0.1:0"])));
    let far = Far::start(&farm, "far");
    let client = farm.client();
    let running = client.force_plain("stream");
    client.build_in(running, "running");
    until("the step runs", || farm.outside("begun").exists().then_some(()));

    // Nearly full: nothing is started, and everybody is told why.
    machine.disk().leave_room(Some(32 << 20));
    let held = until("it says so", || {
        client.try_get("/farm").ok()?.body["held"].as_str().map(str::to_owned)
    });
    assert!(held.contains("is nearly full: ") && held.contains(" MiB left"), "{held}");
    let waits = client.force_plain("stream");
    let said = until("it is explained", || {
        let said = client.get(&format!("/requests/{waits}/explain"));
        (said["verdict"] == "paused").then_some(said)
    });
    assert!(said["summary"].as_str().is_some_and(|text| text.starts_with(&held)), "{said}");

    // Full to the last byte, while a build ends and a client asks for more.
    machine.disk().leave_room(Some(0));
    go(&farm);
    let body = json!({});
    let refused = until("a refusal", || {
        let answer = client.try_post("/builders/stream/force", &body, Some("full")).ok()?;
        (answer.status != 201).then_some(answer)
    });
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (503, &"unavailable".into()),
        "{refused:?}"
    );
    let build = client.list(&format!("/requests/{running}/builds"))[0].clone();
    assert_ne!(build["state"], "finished", "its end cannot be kept: {build}");

    // Room again: all goes on by itself, and what was refused is taken.
    machine.disk().leave_room(None);
    let again = until("the refused force is taken", || {
        let answer = client.try_post("/builders/stream/force", &body, Some("full")).ok()?;
        answer.body["requests"]["stream"].as_i64()
    });
    for request in [running, waits, again] {
        assert_eq!(is_whole(&client, request, LINES), 1, "no build was given up for it");
    }
    assert!(client.get("/farm")["held"].is_null());
    far.end();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
}

/// It fills while the worker is connected, and not by what the farm does there.
#[test]
fn a_disk_that_fills_under_a_worker_holds_it_back_until_there_is_room() {
    const LINES: usize = 2_000;
    let mut farm = Farm::new(&format!("workers(\"far\", slots = 2)\n{}", builder(LINES)));
    farm.up_as(farm.command(&["master", "--listen", "127.0.0.1:0"]));
    let (home, boot) = (Far::home(&farm, "far"), farm.outside("boot"));
    let Some(machine) = Machine::new(&home, &home, &boot) else { return };
    let far = Far::start_as(&farm, "far", |command| {
        let mut command = machine.process(command);
        command.args(["--keep-free", "64MiB"]);
        command
    });
    let client = farm.client();
    let running = client.force_plain("stream");
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    let connected = client.item("/workers/far")["connected_at"].clone();

    machine.disk().leave_room(Some(32 << 20));
    let began = Instant::now();
    let row = client.until("/workers/far", |worker| !worker["troubles"].is_null());
    let seen = began.elapsed();
    assert_eq!(row["troubles"][0]["code"], "disk_full", "{row}");
    assert!(seen < Duration::from_secs(15), "{seen:?}");
    let waits = client.force_plain("stream");
    let why = "`far`: its disk is nearly full: ";
    let said = until("it is explained", || {
        let said = client.get(&format!("/requests/{waits}/explain"));
        said["summary"].as_str().filter(|text| text.contains(why)).map(str::to_owned)
    });
    assert!(said.contains("it takes nothing until there are 72 MiB"), "{said}");
    let listed = farm.steading(&["list", "workers"]).stdout;
    assert!(listed.contains("troubled") && listed.contains("is nearly full"), "{listed}");
    assert_eq!(client.get("/farm")["workers_troubled"], 1);
    // What runs goes on, and is all that runs, though there is a slot.
    go(&farm);
    assert_eq!(is_whole(&client, running, LINES), 1);
    assert_eq!(client.item(&format!("/requests/{waits}"))["state"], "pending");

    machine.disk().leave_room(None);
    let began = Instant::now();
    assert_eq!(is_whole(&client, waits, LINES), 1, "it comes back by itself");
    let back = began.elapsed();
    let row = client.item("/workers/far");
    assert!(row["troubles"].is_null() && row["connected_at"] == connected, "one session: {row}");
    let told = farm.steading(&["events"]).stdout.matches("\"worker.troubled\"").count();
    assert_eq!(told, 2, "once for each turn");
    far.end();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    say(&format!(
        "a worker's disk: nearly full is seen after {:.1} s, room and a build there after {:.1} s",
        seen.as_secs_f64(),
        back.as_secs_f64(),
    ));
}

#[test]
fn a_full_disk_of_a_worker_costs_a_retry_and_is_named() {
    const LINES: usize = 200_000;
    let mut farm = Farm::new(&format!("workers(\"far\")\n{}", builder(LINES)));
    farm.up_as(farm.command(&["master", "--listen", "127.0.0.1:0"]));
    let (home, boot) = (Far::home(&farm, "far"), farm.outside("boot"));
    let Some(machine) = Machine::new(&home, &home, &boot) else { return };
    let far = Far::start_as(&farm, "far", |command| machine.process(command));
    let client = farm.client();
    let request = client.force_plain("stream");
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    let first = client.build_in(request, "running");
    machine.disk().leave_room(Some(0));
    go(&farm);
    let first = client.until(&format!("/builds/{}", first["id"]), |it| it["state"] == "finished");
    assert_eq!(first["outcome"], "retry", "never the build's failure: {first}");
    let said = first["outcome_reason"].to_string();
    assert!(
        said.contains("no space") || said.contains("No space") || said.contains("full"),
        "{said}"
    );
    machine.disk().leave_room(None);
    assert!(is_whole(&client, request, LINES) > 1);
    far.end();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
}
