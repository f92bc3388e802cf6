//! Many running builds, a master that is killed, and how soon the next one has them all.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::say;
use super::sham::{Seen, Sham};
use crate::farm::{Farm, until_in};

const FARM: &str = r#"
workers("sham-*", slots = SLOTS)
builder("long", steps = [
    shell("sleep 1000", name = "wait"),
    shell("true", name = "after", when = lambda build: True),
])
"#;

/// From the start of the next master to the last adopted build.
const ADOPTED_MAX: Duration = Duration::from_secs(5);
/// How long the way there may take.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn running_builds_are_adopted_within_seconds() {
    adopt(10, 10, Duration::ZERO);
}

#[test]
#[ignore = "a minute: tests/README.md says how to run it"]
fn adopt_1000_running_builds() {
    adopt(100, 10, Duration::ZERO);
    // So long that every worker waits as long between two dials as it ever does.
    adopt(100, 10, Duration::from_secs(12));
}

fn adopt(workers: usize, slots: usize, away: Duration) {
    let mut farm = Farm::new(&FARM.replace("SLOTS", &slots.to_string()));
    let start = ["master", "--listen", "127.0.0.1:0"];
    farm.up_as(farm.command(&start));
    let client = farm.client();
    let body = json!({ "name": "shams", "scope": "worker", "worker": "sham-*" });
    let token = client.post("/tokens", &body)["token"].as_str().expect("a token").into();
    let (go, goes) = watch::channel(false);
    let shams: Vec<Sham> = (0..workers)
        .map(|n| {
            let (name, seed) = (format!("sham-{n}"), u64::try_from(n).expect("small"));
            Sham::start(client.clone(), name, std::sync::Arc::clone(&token), goes.clone(), seed)
        })
        .collect();
    let builds = workers * slots;
    let requests: Vec<i64> = (0..builds).map(|_| client.force_plain("long")).collect();
    let ran = || shams.iter().map(|sham| sham.seen.borrow().ran.len()).sum::<usize>();
    until_in(PATIENCE, "every build runs", || (ran() == builds).then_some(()));

    farm.kill9();
    let gone = Instant::now();
    until_in(PATIENCE, "the master stays away", || (gone.elapsed() >= away).then_some(()));
    let started = Instant::now();
    farm.up_as(farm.command(&start));
    let listens = started.elapsed();
    let welcome = |seen: &Seen| seen.welcome.filter(|(at, _)| *at > started);
    let adopted = || shams.iter().filter_map(|sham| welcome(&sham.seen.borrow())).collect();
    let all: Vec<(Instant, usize)> = until_in(PATIENCE, "every worker is welcome again", || {
        let adopted: Vec<(Instant, usize)> = adopted();
        (adopted.len() == workers).then_some(adopted)
    });
    let last = all.iter().map(|(at, _)| *at - started).max().expect("some");
    assert_eq!(all.iter().map(|(_, held)| held).sum::<usize>(), builds, "all came with them");
    say(&format!(
        "adopt: {builds} running builds of {workers} workers, master killed and away for {} s: the \
         next one listens after {:.2} s and has adopted all after {:.2} s",
        away.as_secs(),
        listens.as_secs_f64(),
        last.as_secs_f64(),
    ));
    assert!(last < ADOPTED_MAX, "{last:?}");

    go.send_replace(true);
    let quiet = |farm: &serde_json::Value| farm["pending"] == 0 && farm["running"] == 0;
    until_in(PATIENCE, "all is quiet", || quiet(&client.get("/farm")).then_some(()));
    none_ran_twice(&shams, builds);
    let done = client.list_all("requests", "&state=complete&outcome=success", 500);
    assert_eq!(done.len(), requests.len());
    each_was_built_once(&farm, &done);
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    drop(shams);
    farm.is_gone_and_sound();
}

/// One build for each request, of its last attempt. An offer that came back, before anybody took it,
/// costs an epoch and no build: how it came back is told.
fn each_was_built_once(farm: &Farm, done: &[Value]) {
    let builds = farm.client().list_all("builds", "", 500);
    let attempt = |id: &Value, epoch: &Value| (id.as_i64().expect("a number"), epoch.as_i64());
    let mut built: Vec<_> = builds.iter().map(|b| attempt(&b["request_id"], &b["epoch"])).collect();
    let mut wanted: Vec<_> = done.iter().map(|r| attempt(&r["id"], &r["epoch"])).collect();
    built.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(built, wanted, "requests, their last attempts and their builds");
    let offered_again = done.iter().filter(|request| request["epoch"] != 1).count();
    if offered_again > 0 {
        let events = farm.steading(&["events", "--since", "0"]).stdout;
        let is_back = |line: &&str| line.contains("claim.answered") && !line.contains("accepted");
        let back: Vec<&str> = events.lines().filter(is_back).collect();
        assert!(back.len() >= offered_again, "an epoch without an offer that came back");
        say(&format!("adopt: offers that came back: {}", back.join("\n")));
    }
}

/// One attempt for each build, both of its steps, and none was dropped.
fn none_ran_twice(shams: &[Sham], builds: usize) {
    let ran: Vec<_> = shams.iter().flat_map(|sham| sham.seen.borrow().ran.clone()).collect();
    let attempts: BTreeSet<_> = ran.iter().map(|(attempt, _)| *attempt).collect();
    assert_eq!((attempts.len(), ran.len()), (builds, 2 * builds), "what was ordered");
    assert_eq!(shams.iter().map(|sham| sham.seen.borrow().dropped).sum::<usize>(), 0);
}
