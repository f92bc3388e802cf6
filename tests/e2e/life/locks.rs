//! Locks are fair in a running farm: who needs the whole shelf is not passed by a stream of those who
//! need little of it. Judged by the order of starts in history, not by time.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::farm::{Client, Farm, until};

const FARM: &str = r#"
worker("barn", slots = 4)
shelf = lock("shelf", capacity = 4)
builder("first", locks = [shelf.counting(1)], steps = [shell("while [ ! -e DIR/go ]; do sleep 0.05; done")])
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

/// Asks for the whole shelf while small requests come all the time. When it has ended: its id, and
/// an event from which on everybody knew of it.
fn whole_among_small(client: &Client, priority: i64, begin: impl FnOnce()) -> (i64, i64) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let whole = client.force("whole", &json!({ "priority": priority }));
        let known = int(&client.get("/requests?limit=1"), "as_of");
        for _ in 0..WAITERS {
            client.force_plain("small");
        }
        scope.spawn(|| replenish(client, &stop));
        begin();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            assert_eq!(client.complete(whole)["outcome"], "success");
        }));
        stop.store(true, Ordering::Relaxed);
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (whole, known)
    })
}

fn int(row: &Value, field: &str) -> i64 {
    row[field].as_i64().unwrap_or_else(|| panic!("{field} in {row}"))
}

#[test]
fn a_stream_of_small_builds_never_passes_the_exclusive_one() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let first: Vec<i64> = (0..4).map(|_| client.force_plain("first")).collect();
    first.iter().for_each(|request| drop(client.build_in(*request, "running")));
    let older: Vec<i64> = (0..WAITERS).map(|_| client.force_plain("small")).collect();
    let go = || std::fs::write(farm.outside("go"), "").expect("written");
    let (by_age, _) = whole_among_small(&client, 0, go);
    // The shelf is in use again, and as many wait as before.
    let (by_rank, known) = whole_among_small(&client, 10, || ());
    let claims = client.list_all("claims", "", 1000);
    let place = |request: i64| claims.iter().position(|claim| int(claim, "request_id") == request);
    let before = |request: i64| &claims[..place(request).expect("it was claimed")];

    // Oldest first: it is the greatest once the older ones have started, and then it waits for
    // those of them that still run, four at most. Nothing that came later starts before it.
    let passed: Vec<i64> = before(by_age).iter().map(|claim| int(claim, "request_id")).collect();
    assert!(passed.iter().all(|request| *request < by_age), "{by_age} was passed: {passed:?}");
    assert_eq!(passed.len(), first.len() + older.len());

    // By priority it is the greatest at once: it waits for those who hold, and nothing that is
    // decided after it is known starts before it.
    let passed: Vec<&Value> =
        before(by_rank).iter().filter(|claim| int(claim, "match_seq") >= known).collect();
    assert!(passed.is_empty(), "{by_rank} was passed: {passed:?}");
    assert!(before(by_rank).len() < claims.len() - WAITERS, "many waited that it passed");

    until("the queue is empty", || {
        client.list("/requests?state__ne=complete&limit=1").is_empty().then_some(())
    });
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
