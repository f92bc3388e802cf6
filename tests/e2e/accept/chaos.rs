//! A farm of real processes under `kill -9`, SIGSTOP and cut links, and not one build lost, doubled
//! or garbled.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::far::Far;
use super::faults::{Faults, TICK};
use super::stream::{STEP, is_begun_once, stream};
use super::{number, say};
use crate::farm::{Client, Farm, until_in};

/// Half of the workers belong to `up`, half dial through proxies. One of each kind is given up
/// soon, so that builds are lost and taken back.
const FARM: &str = r#"
worker("near-0", slots = 2, grace = "3s")
[worker("near-%d" % n, slots = 2) for n in [1, 2]]
workers("far-0", slots = 2, grace = "3s")
workers("far-[12]", slots = 2)
builder("stream", retries = 50, steps = [
    STREAM,
    shell(["sh", "-c", "echo $0 >> DIR/ran", prop("seed")], name = "mark",
        when = lambda build: build.outcome == "success"),
])
"#;
const NEAR: [&str; 3] = ["near-0", "near-1", "near-2"];
const FAR: [&str; 3] = ["far-0", "far-1", "far-2"];

/// Clients that force at once, and how many requests may be open meanwhile.
const CLIENTS: u64 = 4;
const OPEN_MAX: i64 = 80;
/// How long a run may take beyond the time it is given.
const PATIENCE: Duration = Duration::from_secs(900);

/// What one run is to be.
#[derive(Clone, Copy)]
struct Run {
    seed: u64,
    /// At least so many builds …
    builds: u64,
    /// … and at least so long.
    span: Duration,
}

impl Run {
    /// The size from the environment, or this.
    fn of(builds: u64, seconds: u64) -> Run {
        let seed = number("CHAOS_SEED", 20_261_121);
        let span = Duration::from_secs(number("CHAOS_SECONDS", seconds));
        Run { seed, builds: number("CHAOS_BUILDS", builds), span }
    }

    fn limit(&self) -> Duration {
        self.span + PATIENCE
    }
}

#[test]
fn a_short_chaos_loses_and_doubles_nothing() {
    let seed = 20_261_121;
    chaos(Run { seed, builds: 40, span: Duration::from_secs(6) });
}

#[test]
#[ignore = "minutes: tests/README.md says how to run it"]
fn chaos_of_2000_builds() {
    chaos(Run::of(2_000, 60));
}

fn chaos(run: Run) {
    let (seed, builds, seconds) = (run.seed, run.builds, run.span.as_secs());
    say(&format!("chaos: seed {seed}, at least {builds} builds and {seconds} s"));
    let began = Instant::now();
    let mut farm = Farm::started(&FARM.replace("STREAM", STEP));
    let client = farm.client();
    let fars = FAR.map(|name| Far::start(&farm, name));
    let (requests, fars, done) = thread::scope(|scope| {
        let forcing = scope.spawn(|| force_all(&client, run, began));
        let near = NEAR.map(str::to_owned).to_vec();
        let mut faults = Faults::new(&mut farm, near, fars.into(), seed);
        while !forcing.is_finished() {
            faults.tick();
            thread::park_timeout(TICK);
        }
        let (fars, done) = faults.end();
        (forcing.join().expect("forced"), fars, done)
    });
    let faults = began.elapsed();
    until_in(run.limit(), "all is quiet", || (open(&client)? == 0).then_some(()));
    let quiet = began.elapsed();
    let attempts = all_is_right(&farm, &client, run, &requests);
    is_begun_once(&farm);
    for far in fars {
        far.end();
    }
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    say(&format!(
        "chaos: {} requests complete, each once, {attempts} attempts; {done:?}; faults for {:.0} \
         s, quiet after {:.0} s, checked and audited after {:.0} s",
        requests.len(),
        faults.as_secs_f64(),
        quiet.as_secs_f64(),
        began.elapsed().as_secs_f64(),
    ));
}

/// Requests that are not complete; `None` while nobody answers.
fn open(client: &Client) -> Option<i64> {
    let farm = client.try_get("/farm").ok()?;
    Some(farm.body["pending"].as_i64()? + farm.body["running"].as_i64()?)
}

/// Forces until the run is long enough; the requests by their number.
fn force_all(client: &Client, run: Run, began: Instant) -> BTreeMap<u64, i64> {
    let next = AtomicU64::new(0);
    let some = || {
        let mut forced = Vec::new();
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed);
            if id >= run.builds && began.elapsed() >= run.span {
                return forced;
            }
            until_in(run.limit(), "room in the queue", || (open(client)? < OPEN_MAX).then_some(()));
            forced.push((id, force(client, run, id)));
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(some)).collect();
        clients.into_iter().flat_map(|client| client.join().expect("forced")).collect()
    })
}

/// What build number `id` prints: its seed and how many lines. One in twenty prints much.
fn stream_of(run: Run, id: u64) -> (u64, usize) {
    let seed = 1 + (run.seed.wrapping_mul(7_919) + id) % 2_000_000_000;
    let lines = if id % 20 == 7 { 60_000 } else { 100 + id * 37 % 2_000 };
    (seed, usize::try_from(lines).expect("small"))
}

fn force(client: &Client, run: Run, id: u64) -> i64 {
    let (seed, lines) = stream_of(run, id);
    let nap = format!("0.{}", id % 10);
    let properties = json!({ "seed": seed.to_string(), "lines": lines.to_string(), "nap": nap });
    let (body, key) = (json!({ "properties": properties }), format!("chaos-{id}"));
    until_in(run.limit(), "a force is acknowledged", || {
        let answer = client.try_post("/builders/stream/force", &body, Some(&key)).ok()?;
        match answer.status {
            201 => answer.body["requests"]["stream"].as_i64(),
            503 => None,
            _ => panic!("force {id}: {answer:?}"),
        }
    })
}

/// Every request is complete by one good build, whose log is the stream; the builds in all.
fn all_is_right(farm: &Farm, client: &Client, run: Run, requests: &BTreeMap<u64, i64>) -> usize {
    let rows = client.list_all("requests", "", 500);
    assert_eq!(rows.len(), requests.len(), "nobody asked for more");
    let mut builds: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for build in client.list_all("builds", "", 500) {
        builds.entry(build["request_id"].as_i64().expect("an id")).or_default().push(build);
    }
    let outcomes: BTreeMap<i64, &Value> =
        rows.iter().map(|row| (row["id"].as_i64().expect("an id"), row)).collect();
    let written = farm.written("ran");
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    for line in written.lines() {
        *ran.entry(line).or_default() += 1;
    }
    for (id, request) in requests {
        let (seed, lines) = stream_of(run, *id);
        let row = outcomes[request];
        assert_eq!((&row["state"], &row["outcome"]), (&"complete".into(), &"success".into()));
        let good = is_built_once(client, row, &builds[request], &stream(seed, lines));
        let times = ran.remove(seed.to_string().as_str()).unwrap_or_default();
        let attempts = builds[request].len();
        assert!((1..=attempts).contains(&times), "{good}: ran {times} times of {attempts}");
    }
    assert_eq!(ran, BTreeMap::new(), "nobody asked for these");
    builds.values().map(Vec::len).sum()
}

/// One attempt went well, and its log is what it printed; answers its id.
#[track_caller]
pub(super) fn is_built_once(
    client: &Client,
    request: &Value,
    builds: &[Value],
    expected: &[u8],
) -> i64 {
    let (good, others): (Vec<_>, Vec<_>) =
        builds.iter().partition(|build| build["outcome"] == "success");
    assert_eq!(good.len(), 1, "{builds:?}");
    assert!(others.iter().all(|build| build["outcome"] == "retry"), "{others:?}");
    let good = good[0];
    assert_eq!((&request["build_id"], &request["epoch"]), (&good["id"], &good["epoch"]));
    let logs = client.list(&format!("/builds/{}/logs", good["id"]));
    let hash = blake3::hash(expected).to_hex().to_string();
    let log = logs.iter().find(|log| log["hash"] == json!(hash));
    let log = log.unwrap_or_else(|| panic!("no log has the hash {hash}: {logs:?}"));
    let bytes = client.bytes(&format!("/logs/{}/raw", log["id"]));
    assert_eq!(blake3::hash(&bytes).to_hex().to_string(), hash, "the archive's bytes: {log}");
    good["id"].as_i64().expect("an id")
}
