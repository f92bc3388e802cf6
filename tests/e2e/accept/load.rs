//! Builds forced without a pause, what was acknowledged of them, and what must be there of it in
//! the end, whatever happened meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::chaos::is_built_once;
use super::stream::{STEP, stream};
use crate::farm::{Client, Farm, until_in};

/// The builder that this load is made of: prints a stream, leaves another one as a
/// file, and asks the master at the end.
const BUILDER: &str = r#"
builder("stream", retries = 50, steps = [
    STREAM,
    shell(["sh", "-c", """
        awk -v x="$0" -v n=3000 'BEGIN {
            for (i = 0; i < n; i++) { x = (x * 16807) % 2147483647; print x }
        }' > numbers
    """, prop("file_seed")], name = "make"),
    upload("numbers"),
    shell(["true"], name = "last", when = lambda build: build.outcome == "success"),
])
"#;
/// Lines of the file each build leaves.
const FILE_LINES: usize = 3_000;

/// Clients that force at once, and how many requests may be open meanwhile.
const CLIENTS: u64 = 3;
const OPEN_MAX: i64 = 20;
/// Longest an open farm takes to answer or to become quiet.
const PATIENCE: Duration = Duration::from_secs(400);

/// The load's builder, as `farm.star` has it.
pub(super) fn builder() -> String {
    BUILDER.replace("STREAM", STEP)
}

/// What was asked for, and acknowledged.
pub(super) struct Load {
    seed: u64,
    client: Client,
    over: AtomicBool,
    next: AtomicU64,
}

/// Request ids by the number of their build.
pub(super) type Acknowledged = BTreeMap<u64, i64>;

impl Load {
    pub(super) fn new(client: Client, seed: u64) -> Load {
        Load { seed, client, over: AtomicBool::new(false), next: AtomicU64::new(0) }
    }

    /// Forces until it is over; answers what was acknowledged.
    pub(super) fn force(&self) -> Acknowledged {
        let some = || {
            let mut acknowledged = Vec::new();
            while !self.over.load(Ordering::Relaxed) {
                let id = self.next.fetch_add(1, Ordering::Relaxed);
                let room = || (open(&self.client)? < OPEN_MAX).then_some(());
                until_in(PATIENCE, "room in the queue", room);
                acknowledged.push((id, self.force_one(id)));
            }
            acknowledged
        };
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(some)).collect();
            clients.into_iter().flat_map(|client| client.join().expect("forced")).collect()
        })
    }

    /// Nothing more is forced.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// The seeds of build number `id`, and how many lines it prints; one in five prints much.
    fn of(&self, id: u64) -> (u64, u64, usize) {
        let seed = 1 + (self.seed.wrapping_mul(7_919) + id) % 2_000_000_000;
        let lines = if id % 5 == 2 { 60_000 } else { 100 + id * 37 % 2_000 };
        (seed, seed + 100_000_000, usize::try_from(lines).expect("small"))
    }

    fn force_one(&self, id: u64) -> i64 {
        let (seed, file_seed, lines) = self.of(id);
        let properties = json!({
            "seed": seed.to_string(), "file_seed": file_seed.to_string(),
            "lines": lines.to_string(), "nap": format!("0.{}", id % 8),
        });
        let (body, key) = (json!({ "properties": properties }), format!("load-{id}"));
        until_in(PATIENCE, "a force is acknowledged", || {
            let answer = self.client.try_post("/builders/stream/force", &body, Some(&key)).ok()?;
            match answer.status {
                201 => answer.body["requests"]["stream"].as_i64(),
                // Whoever has no disk any more may say so.
                500..=599 => None,
                _ => panic!("force {id}: {answer:?}"),
            }
        })
    }

    /// An operator knows what happened to this worker, and ends its quarantine if it is in one.
    pub(super) fn trust(&self, worker: &str) {
        let _ = self.client.try_post(&format!("/workers/{worker}/resume"), &json!({}), None);
    }

    /// Waits until nothing is open.
    pub(super) fn quiet(&self) {
        // Also what is offered and not yet accepted, which is neither pending nor running.
        let open = || {
            let answer = self.client.try_get("/requests?state__in=pending,claimed&limit=1").ok()?;
            answer.body["items"].as_array()?.is_empty().then_some(())
        };
        until_in(PATIENCE, "all is quiet", open);
    }

    /// Everything acknowledged is complete by one good build, whose log and file are the streams of
    /// its seeds; answers how many builds there were.
    pub(super) fn is_there(&self, acknowledged: &Acknowledged) -> usize {
        let rows = self.client.list_all("requests", "", 500);
        assert_eq!(rows.len(), acknowledged.len(), "what was acknowledged, and nothing else");
        let rows: BTreeMap<i64, &Value> =
            rows.iter().map(|row| (row["id"].as_i64().expect("an id"), row)).collect();
        let mut builds: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
        for build in self.client.list_all("builds", "", 500) {
            builds.entry(build["request_id"].as_i64().expect("an id")).or_default().push(build);
        }
        let done = (json!("complete"), json!("success"));
        for (id, request) in acknowledged {
            let (seed, file_seed, lines) = self.of(*id);
            let row = rows[request];
            assert_eq!((&row["state"], &row["outcome"]), (&done.0, &done.1), "{row}");
            let log = stream(seed, lines);
            let good = is_built_once(&self.client, row, &builds[request], &log);
            self.has_file(good, &stream(file_seed, FILE_LINES));
        }
        builds.values().map(Vec::len).sum()
    }

    fn has_file(&self, build: i64, expected: &[u8]) {
        let artifacts = self.client.list(&format!("/builds/{build}/artifacts"));
        let [artifact] = &artifacts[..] else { panic!("build {build}: {artifacts:?}") };
        let hash = blake3::hash(expected).to_hex().to_string();
        assert_eq!(artifact["hash"], json!(hash), "{artifact}");
        let bytes = self.client.bytes(&format!("/artifacts/{}/content", artifact["id"]));
        assert_eq!(blake3::hash(&bytes).to_hex().to_string(), hash, "the archive's bytes");
    }
}

/// Requests that are not complete; `None` while nobody answers.
fn open(client: &Client) -> Option<i64> {
    let farm = client.try_get("/farm").ok()?;
    Some(farm.body["pending"].as_i64()? + farm.body["running"].as_i64()?)
}

/// What a client was shown while all that happened is what it is shown now: no event that was seen
/// is missing, or another one now.
pub(super) fn nothing_shown_is_gone(farm: &Farm, feed: &crate::farm::Feed) -> usize {
    let newest = feed.newest();
    let (seen, now) = (feed.up_to(newest), farm.feed().up_to(newest));
    let other = seen.iter().zip(&now).find(|(seen, now)| seen != now);
    assert_eq!((other, seen.len()), (None, now.len()), "events that were shown");
    seen.len()
}
