//! A wall clock that somebody sets under a running farm: the master's, a worker's; forwards, back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use steading_wire::render::parse_time;
use tokio::time::Instant;

use super::far::Far;
use super::say;
use super::stream::{AWK, stream};
use crate::farm::{Client, Farm, until};

/// What builds print.
const SEED: u64 = 20_261_125;
/// How much of it.
const LINES: usize = 20_000;
const HOUR_S: i64 = 3600;
/// To where the clock is set: forwards, back, far forwards, right again.
const SETS: [i64; 4] = [HOUR_S, -HOUR_S, 24 * HOUR_S, 0];
/// Longer than three heartbeats and a silence.
const WHILE: Duration = Duration::from_secs(11);

/// The wall clock of some processes: `libfaketime`, which leaves the monotonic one alone.
struct Wall {
    library: PathBuf,
    file: PathBuf,
}

impl Wall {
    /// One that is right; nothing, said loudly, where there is no such library.
    fn new(farm: &Farm, name: &str) -> Option<Wall> {
        let Some(library) = library() else {
            // Past the capture of test output: who reads green must see what was not tested.
            let mut stderr = std::io::stderr();
            let _ = writeln!(
                stderr,
                "SKIPPED, a clock that is set is NOT tested: there is no libfaketime (package \
                 faketime)"
            );
            return None;
        };
        let wall = Wall { library, file: farm.outside(name) };
        wall.set(0);
        Some(wall)
    }

    /// Sets it to so many seconds beside the real one.
    fn set(&self, seconds: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("written");
        std::fs::rename(new, &self.file).expect("renamed");
    }

    /// The command as a process that has this clock, and all it starts.
    fn process(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        for flag in ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"] {
            command.env(flag, "1");
        }
        command
    }
}

fn library() -> Option<PathBuf> {
    let below = |dir: &Path| dir.join("faketime/libfaketimeMT.so.1");
    let dirs = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    dirs.chain([PathBuf::from("/usr/lib")]).map(|dir| below(&dir)).find(|path| path.exists())
}

fn star() -> String {
    let step = format!(
        "shell(\"\"\"\nwhile [ ! -e DIR/go ]; do date +%s; sleep 0.2; done\n\
         awk 'BEGIN {{ x = {SEED}; n = {LINES}; {AWK} }}'\n\"\"\", \
         name = \"stream\", timeout = \"10m\", idle_timeout = \"20s\")"
    );
    let farm = r#"
repo = git("../code", poll = "1h")
[worker(name, slots = 3) for name in ["far-true", "far-set"]]
[builder("long-" + name, workers = ["far-" + name], steps = [STEP]) for name in ["true", "set"]]
builder("quick", steps = [shell("date +%s")])
builder("code", steps = [checkout(repo)])
on_change(repo, builders = "code", quiet = "3s")
"#;
    farm.replace("STEP", &step)
}

fn at(value: &Value) -> i64 {
    parse_time(value.as_str().expect("a time")).expect("a time").0
}

/// What time it is on the farm: that of a request, which is built.
#[track_caller]
fn moment(client: &Client) -> i64 {
    let request = client.complete(client.force_plain("quick"));
    assert_eq!(request["outcome"], "success", "{request}");
    at(&request["submitted_at"])
}

/// Waits until the farm's time has gone ahead of the machine's, or fallen behind, as it does when
/// the wall clock was set: then the master has seen that it was. One that is right again is not
/// told from that: there is little to make up for.
#[track_caller]
fn drifts(client: &Client, set: i64) {
    let (before, first) = (Instant::now(), moment(client));
    let first_until = Instant::now();
    until("the farm's time drifts towards the clock", || {
        let asked = Instant::now();
        let told = moment(client) - first;
        let between = |from: Instant, to: Instant| i64::try_from((to - from).as_micros()).ok();
        let (least, most) = (between(first_until, asked)?, between(before, Instant::now())?);
        assert!(told <= most * 11 / 10 + 1_000, "{told} µs in {most}: it leapt");
        assert!(told >= least * 9 / 10 - 1_000, "{told} µs in {least}: it stood still");
        let seen = match set {
            0 => least > 1_000_000,
            set if set > 0 => told > most,
            _ => told < least,
        };
        seen.then_some(())
    });
}

/// A commit is built when its quiet period of three seconds is over, whatever becomes of the clock.
#[track_caller]
fn keeps_quiet(farm: &Farm, wall: &Wall, set: i64) -> Duration {
    let client = farm.client();
    farm.code.commit("README", &format!("{set}"), &format!("set by {set}"));
    let began = Instant::now();
    assert_eq!(farm.steading(&["change", "../code"]).code, Some(0));
    wall.set(set);
    let head = farm.code.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let built = until("it is built", || client.list(&format!("/builds?revision={head}")).pop());
    let took = began.elapsed();
    assert!(took > Duration::from_millis(2_600), "{took:?}: too soon, {built}");
    assert!(took < Duration::from_secs(15), "{took:?}: too late, {built}");
    took
}

/// Nothing that was recorded says that anything went wrong, and time never goes back.
#[track_caller]
fn is_calm(events: &[Value]) {
    const WRONG: [&str; 7] = [
        "worker.missing",
        "worker.quarantined",
        "build.lost",
        "request.returned",
        "request.overdue",
        "cause.noted",
        "farm.troubled",
    ];
    let wrong = |event: &&Value| WRONG.contains(&event["kind"].as_str().unwrap_or_default());
    assert_eq!(events.iter().find(wrong), None);
    for pair in events.windows(2) {
        assert!(at(&pair[0]["at"]) <= at(&pair[1]["at"]), "back: {} {}", pair[0], pair[1]);
    }
}

/// A step's record and its log: forwards only, and for as long as it took.
#[track_caller]
fn is_in_order(client: &Client, build: &Value, took: Duration) {
    let steps = client.list(&format!("/builds/{}/steps", build["id"]));
    let exit = &steps[0]["exit"];
    let time = |value: &Value| value.as_i64().unwrap_or_else(|| at(value));
    let span = |from: &Value, to: &Value| time(to) - time(from);
    let most = i64::try_from(took.as_micros()).expect("short") * 11 / 10 + 1_000_000;
    let ran = span(&exit["started_at"], &exit["ended_at"]);
    assert!((0..most).contains(&ran), "{ran} µs of at most {most}: {exit}");
    let of = span(&steps[0]["started_at"], &steps[0]["finished_at"]);
    assert!((0..most).contains(&of), "{of} µs of at most {most}: {}", steps[0]);
    let logs = client.list(&format!("/builds/{}/logs", build["id"]));
    let log = logs.iter().find(|log| log["name"] == "stdout").expect("it wrote");
    let lines = client.get(&format!("/logs/{}?first=1&count=1000", log["id"]));
    let times: Vec<i64> =
        lines["lines"].as_array().expect("lines").iter().map(|line| at(&line["at"])).collect();
    assert!(times.is_sorted(), "{build}: lines go back");
    let all = times.last().expect("lines") - times[0];
    assert!(all < most, "{all} µs of at most {most}");
}

/// The whole stream, after the dates the worker's clock gave.
#[track_caller]
fn is_whole(client: &Client, build: &Value) -> Vec<i64> {
    let log = client.log(build, "stream", "stdout");
    let end = stream(SEED, LINES);
    assert!(log.ends_with(&end), "the log of {build}");
    let dates = String::from_utf8(log[..log.len() - end.len()].to_vec()).expect("dates");
    dates.lines().filter_map(|line| line.parse().ok()).collect()
}

#[test]
fn a_clock_that_is_set_expires_nothing_and_loses_nobody() {
    let mut farm = Farm::new(&star());
    let (Some(masters), Some(workers)) = (Wall::new(&farm, "master"), Wall::new(&farm, "worker"))
    else {
        return;
    };
    let master = ["master", "--listen", "127.0.0.1:0"];
    farm.up_as(masters.process(farm.command(&master)));
    let (client, feed) = (farm.client(), farm.feed());
    let fars = [
        Far::start(&farm, "far-true"),
        Far::start_as(&farm, "far-set", |command| workers.process(command)),
    ];
    let began = Instant::now();
    let builders = ["long-true", "long-set", "long-true", "long-set"];
    let requests = builders.map(|builder| client.force_plain(builder));
    for request in requests {
        client.build_in(request, "running");
    }
    // Past what happens when a farm is new.
    moment(&client);

    for set in SETS {
        masters.set(set);
        drifts(&client, set);
    }
    let quiet = [HOUR_S, -HOUR_S].map(|set| keeps_quiet(&farm, &masters, set).as_secs_f64());
    masters.set(0);
    for set in SETS {
        workers.set(set);
        let since = Instant::now();
        until("a while goes by", || (since.elapsed() > WHILE).then_some(()));
        moment(&client);
    }
    let lost = |event: &&Value| event["kind"] == "worker.lost";
    let so_far = client.try_list("workers").expect("a list").as_of;
    assert_eq!(feed.up_to(so_far).iter().find(lost), None);
    // A new process reads the clock as it is then: history goes on from where it was.
    for set in [-HOUR_S, 0] {
        masters.set(set);
        farm.kill9();
        farm.up_as(masters.process(farm.command(&master)));
        for far in &fars {
            client.until(&format!("/workers/{}", far.name), |worker| worker["state"] == "ready");
        }
        moment(&client);
    }
    workers.set(-HOUR_S);
    std::fs::write(farm.outside("go"), "").expect("written");
    let done = requests.map(|request| client.complete(request));
    let took = began.elapsed();
    for request in &done {
        assert_eq!((&request["outcome"], &request["epoch"]), (&json!("success"), &json!(1)));
        let builds = client.list(&format!("/requests/{}/builds", request["id"]));
        assert_eq!(builds.len(), 1, "once: {builds:?}");
        let dates = is_whole(&client, &builds[0]);
        is_in_order(&client, &builds[0], took);
        let hours =
            (dates.iter().max().expect("dates") - dates.iter().min().expect("dates")) / HOUR_S;
        let expected = if builds[0]["worker"] == "far-set" { 25 } else { 0 };
        assert_eq!(hours, expected, "the worker's clock was set: {}", builds[0]["worker"]);
    }
    is_calm(&feed.up_to(client.try_list("workers").expect("a list").as_of));
    for far in fars {
        far.end();
    }
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    say(&format!(
        "clocks: the master's and a worker's set by 1 h, -1 h, 1 day and back under {} builds, \
         {:.0} s: each built once, nothing expired, nobody lost; quiet periods of 3 s took {:.1} \
         and {:.1} s",
        requests.len(),
        took.as_secs_f64(),
        quiet[0],
        quiet[1],
    ));
}
