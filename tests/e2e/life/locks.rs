//! Locks are fair in a running farm: who needs the whole shelf is not passed by a stream of those
//! who need little of it. Judged by the order of starts in history, not by time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::farm::{Client, Farm, until};

const FARM: &str = r#"
worker("barn", slots = 4)
shelf = lock("shelf", capacity = 4)
builder("holder", locks = [shelf.counting(1)], steps = [shell("while [ ! -e DIR/go ]; do sleep 0.05; done")])
builder("small", locks = [shelf.counting(1)], steps = [shell(["true"])])
builder("whole", locks = [shelf.exclusive()], steps = [shell(["true"])])
"#;

/// How many small requests wait, at any time.
const WAITERS: usize = 50;

/// Keeps that many small requests waiting until told to stop.
fn replenish(client: &Client, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let pending = client.list("/requests?builder=small&state=pending&limit=100&fields=id");
        for _ in pending.len()..WAITERS {
            client.force_plain("small");
        }
    }
}

/// What was asked for, in this order.
struct Asked {
    /// They hold the shelf, a unit each, until all the others have been asked for.
    holders: Vec<i64>,
    /// Small ones.
    older: Vec<i64>,
    /// The exclusive one. Small ones come behind it until it has ended.
    whole: i64,
}

/// Asks for the whole shelf in a stream of small requests; when it has ended, what was asked for.
fn whole_among_small(farm: &Farm, client: &Client, priority: i64) -> Asked {
    let go = farm.outside("go");
    let _ = std::fs::remove_file(&go);
    let holders: Vec<i64> = (0..4).map(|_| client.force_plain("holder")).collect();
    for request in &holders {
        client.build_in(*request, "running");
    }
    let older = (0..WAITERS).map(|_| client.force_plain("small")).collect();
    let whole = client.force("whole", &json!({ "priority": priority }));
    for _ in 0..WAITERS {
        client.force_plain("small");
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| replenish(client, &stop));
        std::fs::write(go, "").expect("written");
        let ended = catch_unwind(AssertUnwindSafe(|| client.complete(whole)));
        stop.store(true, Ordering::Relaxed);
        let whole = ended.unwrap_or_else(|panic| resume_unwind(panic));
        assert_eq!(whole["outcome"], "success");
    });
    Asked { holders, older, whole }
}

fn int(row: &Value, field: &str) -> i64 {
    row[field].as_i64().unwrap_or_else(|| panic!("{field} in {row}"))
}

/// The requests that were offered before this one, in that order.
fn offered_before(client: &Client, request: i64) -> Vec<i64> {
    let claims = client.list_all("claims", "", 1000);
    let offered = claims.iter().map(|claim| int(claim, "request_id"));
    offered.take_while(|offered| *offered != request).collect()
}

#[test]
fn a_stream_of_small_builds_never_passes_the_exclusive_one() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();

    // Oldest first: it is the greatest once the older ones have started, and then it waits for
    // those of them that still run, four at most. Nothing that came later starts before it.
    let asked = whole_among_small(&farm, &client, 0);
    let mut first = offered_before(&client, asked.whole);
    first.sort_unstable();
    assert_eq!(first, [asked.holders, asked.older].concat());

    // By priority it is the greatest at once, and waits for those who hold: nothing else starts.
    let asked = whole_among_small(&farm, &client, 10);
    let last = asked.holders.iter().max().expect("four");
    let passed: Vec<i64> = offered_before(&client, asked.whole);
    let passed: Vec<&i64> = passed.iter().filter(|request| *request > last).collect();
    assert_eq!(passed, Vec::<&i64>::new(), "they passed {}", asked.whole);

    until("the queue is empty", || {
        client.list("/requests?state__ne=complete&limit=1").is_empty().then_some(())
    });
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
