//! The master is killed in the middle of its work, and nothing is lost and nothing doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::farm::{Client, Farm, Feed, Folded, until};

/// How many forces, from how many clients at once.
const FORCES: u64 = 200;
const CLIENTS: u64 = 8;
/// What must run and what must wait when the master is killed.
const RUNNING: i64 = 10;
const PENDING: i64 = 50;
/// At how many moments the lists are read.
const MOMENTS: usize = 50;
/// Events between two moments: at most this many, drawn from this seed.
const EVENTS_BETWEEN_MAX: u64 = 120;
const SEED: u64 = 20_260_801;

const FARM: &str = r#"
[worker("w%d" % n, slots = 1) for n in range(10)]
builder("count", steps = [
    shell(["sh", "-c", "echo $0 >> $1; sleep $2", prop("id"), "DIR/built", prop("nap")], name = "nap"),
])
"#;

/// A client's list of a noun, read while the farm worked.
type Lists = BTreeMap<&'static str, Vec<Folded>>;

#[test]
fn a_killed_master_loses_and_doubles_nothing() {
    let mut farm = Farm::started(FARM);
    let (client, feed) = (farm.client(), farm.feed());
    let (requests, lists) = thread::scope(|scope| {
        let forcing = scope.spawn(|| force_all(&client));
        let listing = scope.spawn(|| read_lists(&client, &feed));
        until("many builds run and many requests wait", || is_busy(&client).then_some(()));
        farm.kill9();
        farm.up();
        (forcing.join().expect("forced"), listing.join().expect("listed"))
    });
    assert_eq!(force_all(&client), requests, "the same keys get the same answers");
    for request in &requests {
        client.complete(*request);
    }
    all_is_built_once(&farm, &client, &requests);
    lists_follow_the_events(&client, &feed, &lists);
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
}

fn is_busy(client: &Client) -> bool {
    let Ok(farm) = client.try_get("/farm") else { return false };
    let number = |field: &str| farm.body[field].as_i64().unwrap_or_default();
    number("running") >= RUNNING && number("pending") >= PENDING
}

/// Sends every force, each again and again until it is acknowledged; the requests' ids, in order.
fn force_all(client: &Client) -> Vec<i64> {
    let next = AtomicU64::new(0);
    let force_some = || {
        let ids = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        ids.take_while(|id| *id < FORCES).map(|id| (id, force(client, id))).collect::<Vec<_>>()
    };
    let forced: BTreeMap<u64, i64> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(force_some)).collect();
        clients.into_iter().flat_map(|client| client.join().expect("forced")).collect()
    });
    forced.into_values().collect()
}

fn force(client: &Client, id: u64) -> i64 {
    let nap = format!("0.{}", 3 + id % 7);
    let body = json!({ "properties": { "id": id.to_string(), "nap": nap } });
    let key = format!("force-{id}");
    until("a force is acknowledged", || {
        let answer = client.try_post("/builders/count/force", &body, Some(&key)).ok()?;
        match answer.status {
            201 => answer.body["requests"]["count"].as_i64(),
            503 => None,
            _ => panic!("force {id}: {answer:?}"),
        }
    })
}

/// Reads requests and builds at many moments, spread over the events that happen.
fn read_lists(client: &Client, feed: &Feed) -> Lists {
    let mut lists = Lists::new();
    let (mut random, mut moment) = (SEED, 0);
    for _ in 0..MOMENTS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        moment += i64::try_from((random >> 33) % EVENTS_BETWEEN_MAX).expect("small");
        until("the farm works on", || (feed.newest() >= moment).then_some(()));
        for noun in ["requests", "builds"] {
            let list = until("a list is read", || client.try_list(noun).ok());
            let singular = noun.trim_end_matches('s');
            lists.entry(singular).or_default().push(Folded::new(singular, &list));
        }
    }
    lists
}

/// Every request is complete and was built; what was built twice was retried.
fn all_is_built_once(farm: &Farm, client: &Client, requests: &[i64]) {
    let complete = client.list_all("requests", "&state=complete&outcome=success", 37);
    let complete: BTreeSet<i64> = complete.iter().filter_map(|row| row["id"].as_i64()).collect();
    assert_eq!(complete, requests.iter().copied().collect(), "what is complete");
    assert_eq!(client.list_all("requests", "", 41).len(), requests.len(), "nothing else");

    let mut attempts: BTreeMap<i64, usize> = BTreeMap::new();
    for build in client.list_all("builds", "", 43) {
        let request = build["request_id"].as_i64().expect("an id");
        let attempt = attempts.entry(request).or_default();
        *attempt += 1;
        assert_eq!(build["epoch"].as_i64(), i64::try_from(*attempt).ok(), "{build}");
    }
    let written = farm.written("built");
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for line in written.lines() {
        *lines.entry(line).or_default() += 1;
    }
    for (id, request) in requests.iter().enumerate() {
        let (id, attempts) = (id.to_string(), attempts[request]);
        let times = lines.remove(id.as_str()).unwrap_or_default();
        assert!((1..=attempts).contains(&times), "{id}: ran {times} times in {attempts} builds");
    }
    assert_eq!(lines, BTreeMap::new(), "nobody asked for these");
}

/// A list and the events after it are the same as a later list.
fn lists_follow_the_events(client: &Client, feed: &Feed, lists: &Lists) {
    for (noun, lists) in lists {
        let fresh = client.try_list(&format!("{noun}s")).expect("the farm is up");
        let fresh = Folded::new(noun, &fresh);
        let events = feed.up_to(fresh.as_of());
        gapless(&events);
        let later = lists.iter().skip(1).chain([&fresh]);
        for (list, later) in lists.iter().zip(later) {
            let folded = list.clone().forward(&events, later.as_of());
            assert_eq!(folded, *later, "{noun}s of {} to {}", list.as_of(), later.as_of());
            let folded = list.clone().forward(&events, fresh.as_of());
            assert_eq!(folded, fresh, "{noun}s of {} to the end", list.as_of());
        }
    }
    assert!(feed.opened() > 1, "the stream was resumed");
}

fn gapless(events: &[Value]) {
    let numbers = events.iter().map(|event| event["seq"].as_i64().expect("a number"));
    assert!(numbers.eq((1..).take(events.len())), "the stream has a gap or a repeat");
}
