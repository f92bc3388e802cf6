//! Workers and their shepherds are killed in the middle of a build: what runs is built once, and
//! what cannot have gone on is tried again.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::farm::{Client, Farm, until};

/// Lines of the stream, and where it starts.
const LINES: usize = 60_000;
const SEED: u64 = 20_261_121;

/// A build that prints a stream, waits in the middle of it, and leaves processes in three ways.
const FARM: &str = r#"
worker("barn")
builder("stream", steps = [
    shell("""
        echo begun >> DIR/begun
        awk 'BEGIN { x = SEED; for (i = 0; i < LINES; i++) { x = (x * 16807) % 2147483647; print x
            if (i == LINES / 2) { fflush(); while (system("test -e DIR/go") != 0) system("sleep 0.05") } } }'
    """, name = "stream"),
    shell("cat DIR/begun", name = "tell"),
])
builder("tree", steps = [
    shell("""
        echo begun >> DIR/begun
        sleep 1000 & echo $! > DIR/a
        setsid sleep 1000 & echo $! > DIR/b
        env -i setsid sleep 1000 > /dev/null 2>&1 & echo $! > DIR/c
        touch DIR/grown
        while [ ! -e DIR/go ]; do sleep 0.05; done
        kill $(cat DIR/a DIR/b DIR/c)
    """, name = "grow"),
])
builder("prefix", steps = [
    shell("echo begun > DIR/begun; while [ ! -e DIR/go ]; do sleep 0.05; done", name = "wait"),
    shell("echo second; echo x >> DIR/second", name = "second"),
    shell("echo third; echo x >> DIR/third", name = "third"),
    shell("echo x >> DIR/asked", name = "asked", when = lambda build: build.outcome == "success"),
])
"#;

fn farm() -> Farm {
    let star = FARM.replace("SEED", &SEED.to_string()).replace("LINES", &LINES.to_string());
    Farm::started(&star)
}

/// What the stream prints, computed here.
fn stream() -> Vec<u8> {
    let next = |x: &u64| Some(x * 16_807 % 2_147_483_647);
    let numbers = std::iter::successors(Some(SEED), next).skip(1).take(LINES);
    numbers.flat_map(|x| format!("{x}\n").into_bytes()).collect()
}

fn begin(farm: &Farm, client: &Client, builder: &str, sign: &str) -> i64 {
    let request = client.force_plain(builder);
    until("the step runs", || farm.outside(sign).exists().then_some(()));
    client.build_in(request, "running");
    request
}

fn go(farm: &Farm) {
    std::fs::write(farm.outside("go"), "").expect("written");
}

/// One attempt, one build, every byte.
#[track_caller]
fn is_built_once(farm: &Farm, client: &Client, request: i64) {
    let complete = client.complete(request);
    assert_eq!((&complete["outcome"], &complete["epoch"]), (&json!("success"), &json!(1)));
    let builds = client.list(&format!("/requests/{request}/builds"));
    assert_eq!(builds.len(), 1, "{builds:?}");
    assert_eq!(farm.written("begun"), "begun\n", "it ran once");
    let expected = stream();
    assert!(client.log(&builds[0], "stream", "stdout") == expected, "the log is not the stream");
    let logs = client.list(&format!("/builds/{}/logs", builds[0]["id"]));
    let hash = blake3::hash(&expected).to_hex().to_string();
    let found: Vec<&Value> = logs.iter().filter(|log| log["hash"] == json!(hash)).collect();
    assert_eq!(found.len(), 1, "no log has the hash {hash}: {logs:?}");
    assert_eq!(client.log(&builds[0], "tell", "stdout"), b"begun\n");
}

fn stops(mut farm: Farm) {
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
}

#[test]
fn a_build_outlives_the_death_of_its_workers_daemon() {
    let farm = farm();
    let client = farm.client();
    let request = begin(&farm, &client, "stream", "begun");
    // Once while it prints, and once more as soon as the next daemon is there.
    let first = farm.kill_worker("barn");
    until("another daemon", || {
        let lock = farm.data().join("workers/barn/lock");
        let pid = std::fs::read_to_string(lock).ok()?.trim().parse::<i32>().ok()?;
        (pid != first && Path::new("/proc").join(pid.to_string()).exists()).then_some(())
    });
    farm.kill_worker("barn");
    go(&farm);
    is_built_once(&farm, &client, request);
    stops(farm);
}

#[test]
fn a_build_outlives_a_worker_that_is_started_again() {
    let farm = farm();
    let client = farm.client();
    let request = begin(&farm, &client, "stream", "begun");
    farm.signal_holder("barn/lock", Signal::TERM);
    go(&farm);
    is_built_once(&farm, &client, request);
    stops(farm);
}

#[test]
fn a_build_outlives_the_death_of_master_and_daemon() {
    let mut farm = farm();
    let client = farm.client();
    let request = begin(&farm, &client, "stream", "begun");
    farm.kill9();
    farm.kill_worker("barn");
    go(&farm);
    farm.up();
    is_built_once(&farm, &client, request);
    stops(farm);
}

#[test]
fn an_end_that_the_daemon_did_not_live_to_report_is_reported() {
    let farm = farm();
    let client = farm.client();
    let request = begin(&farm, &client, "stream", "begun");
    // A daemon that stands still hears of no end; its shepherd waits for nobody.
    farm.signal_holder("barn/lock", Signal::STOP);
    go(&farm);
    let spool = farm.data().join("workers/barn/spool");
    until("the end of the step on disk", || {
        let files = std::fs::read_dir(&spool).ok()?.flatten();
        let ended = |path: &Path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(END.len()).any(|window| window == END)
        };
        files.into_iter().any(|file| ended(&file.path())).then_some(())
    });
    farm.kill_worker("barn");
    is_built_once(&farm, &client, request);
    stops(farm);
}

/// How a report begins in the spool.
const END: &[u8] = b"\xa2is\xa3end\xa6report";

/// The processes a build of `tree` left.
fn tree(farm: &Farm) -> Vec<String> {
    let pids = ["a", "b", "c"].map(|name| farm.written(name).trim().to_owned());
    assert!(pids.iter().all(|pid| lives(pid)), "{pids:?}");
    pids.to_vec()
}

fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[track_caller]
fn is_tried_again(farm: &Farm, client: &Client, request: i64, tree: &[String]) {
    until("the death of all it left", || (!tree.iter().any(|pid| lives(pid))).then_some(()));
    go(farm);
    let complete = client.complete(request);
    assert_eq!(complete["outcome"], "success", "{complete}");
    let builds = client.list(&format!("/requests/{request}/builds?order=id"));
    let outcomes: Vec<_> = builds.iter().map(|build| &build["outcome"]).collect();
    assert_eq!(json!(outcomes), json!(["retry", "success"]), "no failure of its own");
    assert_eq!(builds[0]["outcome_reason"]["code"], "shepherd_lost", "{}", builds[0]);
    assert_eq!(farm.written("begun"), "begun\nbegun\n");
}

#[test]
fn a_lost_shepherd_costs_a_retry_and_leaves_nothing() {
    let farm = farm();
    let client = farm.client();
    let request = begin(&farm, &client, "tree", "grown");
    let tree = tree(&farm);
    farm.signal_holder("barn/slots/1/lock", Signal::KILL);
    is_tried_again(&farm, &client, request, &tree);
    stops(farm);
}

#[test]
fn shepherd_and_daemon_lost_at_once_cost_a_retry_and_leave_nothing() {
    let farm = farm();
    let client = farm.client();
    let request = begin(&farm, &client, "tree", "grown");
    let tree = tree(&farm);
    farm.signal_holder("barn/slots/1/lock", Signal::KILL);
    farm.kill_worker("barn");
    is_tried_again(&farm, &client, request, &tree);
    stops(farm);
}

#[test]
fn a_worker_runs_ahead_while_its_master_is_away() {
    let mut farm = farm();
    let client = farm.client();
    let request = begin(&farm, &client, "prefix", "begun");
    farm.kill9();
    go(&farm);
    until("steps that need nobody's word", || farm.outside("third").exists().then_some(()));
    assert!(!farm.outside("asked").exists(), "a condition is the master's");
    // The daemon dies too: what ran ahead is not run again.
    farm.kill_worker("barn");
    farm.up();
    let complete = client.complete(request);
    assert_eq!((&complete["outcome"], &complete["epoch"]), (&json!("success"), &json!(1)));
    let builds = client.list(&format!("/requests/{request}/builds"));
    assert_eq!(builds.len(), 1, "{builds:?}");
    for name in ["second", "third"] {
        assert_eq!(farm.written(name), "x\n", "{name} ran once");
        let log = client.log(&builds[0], name, "stdout");
        assert_eq!(log, format!("{name}\n").into_bytes());
    }
    assert_eq!(farm.written("asked"), "x\n");
    stops(farm);
}
