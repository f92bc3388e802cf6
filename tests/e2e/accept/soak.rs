//! No faults: six kinds of builds, each ending in every way, on 1, 5 and 50 workers. What is there
//! afterwards is compared with what each build declared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::declared::{Declared, declare, digest};
use super::kinds::{Fate, all, builder, star};
use super::{number, say};
use crate::farm::{Client, Farm, until_in};

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// How far a seed is from the next.
const STRIDE: u64 = 1_009;

/// A build that was asked for.
struct Asked {
    kind: &'static str,
    fate: Fate,
    seed: u64,
    request: i64,
}

#[test]
fn one_worker_does_what_is_declared() {
    soak(1, 1);
}

#[test]
fn five_workers_do_what_is_declared() {
    soak(5, 2);
}

#[test]
#[ignore = "minutes: tests/README.md says how to run it"]
fn soak_of_1_5_and_50_workers() {
    let rounds = number("SOAK_ROUNDS", 4);
    for workers in [1, 5, 50] {
        soak(workers, rounds);
    }
}

fn soak(workers: u64, rounds: u64) {
    let began = Instant::now();
    let declared = format!("[worker(\"soak-%d\" % n) for n in range({workers})]\n{}", star());
    let mut farm = Farm::started(&declared);
    let client = farm.client();
    until_in(PATIENCE, "all workers are there", || {
        let ready = client.try_list("workers").ok()?.items;
        let ready = ready.iter().filter(|worker| worker["state"] == "ready").count();
        (u64::try_from(ready).ok()? == workers).then_some(())
    });
    let asked = ask(&client, rounds);
    cancel_what_hangs(&farm, &client, &asked);
    let quiet = began.elapsed();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for asked in &asked {
        let expected = declare(asked.kind, asked.fate, asked.seed);
        *seen.entry(expected.outcome.clone()).or_default() += 1;
        let name = builder(asked.kind, asked.fate);
        assert_eq!(found(&client, asked.request), expected, "{name}, seed {}", asked.seed);
    }
    assert_eq!(client.list_all("builds", "", 500).len(), asked.len(), "one build each");
    let used: BTreeSet<String> = client
        .list_all("builds", "", 500)
        .iter()
        .map(|build| build["worker"].to_string())
        .collect();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    say(&format!(
        "soak: {workers} workers ({} of them built), {} builds as declared {seen:?}; quiet after \
         {:.1} s, checked and audited after {:.1} s",
        used.len(),
        asked.len(),
        quiet.as_secs_f64(),
        began.elapsed().as_secs_f64(),
    ));
}

/// Asks for every kind and fate, round after round.
fn ask(client: &Client, rounds: u64) -> Vec<Asked> {
    let seeds = (1..).map(|n| n * STRIDE);
    let wanted = (0..rounds).flat_map(|_| all());
    let asked = wanted.zip(seeds).map(|((kind, fate), seed)| {
        let body = json!({ "properties": { "seed": seed.to_string() } });
        Asked { kind, fate, seed, request: client.force(&builder(kind, fate), &body) }
    });
    asked.collect()
}

/// Cancels each build that hangs, once the farm knows that it came to that step; returns when all
/// requests are complete.
fn cancel_what_hangs(farm: &Farm, client: &Client, asked: &[Asked]) {
    let mut hang: Vec<&Asked> =
        asked.iter().filter(|asked| asked.fate == Fate::Cancelled).collect();
    until_in(PATIENCE, "every request is complete", || {
        let hangs = |asked: &&Asked| farm.outside(&format!("hangs-{}", asked.seed)).exists();
        for asked in hang.extract_if(.., |asked| hangs(asked)) {
            let build = &client.build_in(asked.request, "running")["id"];
            let turn = || {
                let steps = client.list(&format!("/builds/{build}/steps?state=running"));
                steps.iter().any(|step| step["name"] == "turn").then_some(())
            };
            until_in(PATIENCE, "the farm knows that it hangs", turn);
            client.post(&format!("/builds/{build}/cancel"), &json!({ "reason": "soak" }));
        }
        let farm = client.get("/farm");
        (hang.is_empty() && farm["pending"] == 0 && farm["running"] == 0).then_some(())
    });
}

/// What is there of a request's build.
fn found(client: &Client, request: i64) -> Declared {
    let request = client.complete(request);
    let build = client.item(&format!("/builds/{}", request["build_id"]));
    assert_eq!(request["outcome"], build["outcome"], "{request} {build}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = client.list(&format!("/builds/{}/steps?order=number", build["id"]));
    let steps = rows.iter().map(|row| (text(&row["name"]), text(&row["outcome"]))).collect();
    let names: BTreeMap<i64, String> =
        rows.iter().map(|row| (row["id"].as_i64().expect("an id"), text(&row["name"]))).collect();
    let mut logs = BTreeMap::new();
    for log in client.list(&format!("/builds/{}/logs", build["id"])) {
        let bytes = client.bytes(&format!("/logs/{}/raw", log["id"]));
        let is = said_and_is(&log, "bytes", &bytes);
        let step = names[&log["step_id"].as_i64().expect("an id")].clone();
        if is.0 > 0 {
            logs.insert((step, text(&log["name"])), is);
        }
    }
    let mut files = BTreeMap::new();
    for file in client.list(&format!("/builds/{}/artifacts", build["id"])) {
        let bytes = client.bytes(&format!("/artifacts/{}/content", file["id"]));
        files.insert(text(&file["path"]), said_and_is(&file, "size", &bytes));
    }
    Declared { outcome: text(&build["outcome"]), steps, logs, files }
}

/// The digest of the bytes, which is what the row says of them.
#[track_caller]
fn said_and_is(row: &Value, size: &str, bytes: &[u8]) -> (usize, String) {
    let (length, hash) = digest(bytes);
    assert_eq!((&row[size], &row["hash"]), (&json!(length), &json!(hash)), "{row}");
    (length, hash)
}
