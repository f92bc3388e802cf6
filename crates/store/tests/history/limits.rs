//! How many builds at once, how long requests wait, and steps that wait for locks.

use std::collections::BTreeMap;

use steading_core::farm::{Builder, Farm, Lock, LockCapacity};
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

/// A farm whose builder `hello` runs two builds at most, with a lock `gpu` of one unit.
fn declare(w: &mut Write<'_>) -> Result<ConfigId, Error> {
    let hello = Builder { name: "hello".into(), max_builds: Some(2), ..Builder::default() };
    let gpu = Lock { name: "gpu".into(), per_worker: false, capacity: LockCapacity::Units(1) };
    let farm = Farm {
        builders: BTreeMap::from([("hello".to_owned(), hello)]),
        locks: BTreeMap::from([("gpu".to_owned(), gpu)]),
        ..Farm::default()
    };
    set_up(w, &[("barn", 4), ("shed", 4)])?;
    w.apply_configuration(&text("limits"), &farm)
}

async fn submitted(builders: &'static [&str]) -> (TestFarm, Vec<RequestId>) {
    let farm = TestFarm::new();
    let section = move |w: &mut Write<'_>| {
        let config = declare(w)?;
        Ok(w.submit_buildset(&buildset(config, builders))?.requests)
    };
    let requests = farm.write(section).await;
    (farm, requests)
}

fn gpu(units: i64) -> NewStep {
    let lock = "gpu".to_owned();
    let need = LockNeed { lock, access: Access::Exclusive, units, per_worker: false };
    NewStep { locks: vec![need], ..step(1, "train") }
}

async fn stale<T: Send + std::fmt::Debug + 'static>(
    farm: &TestFarm,
    section: impl FnMut(&mut Write<'_>) -> Result<T, Error> + Send + 'static,
    expected: &str,
) {
    match farm.store.write("test", section).await {
        Err(Error::Stale(why)) => assert!(why.contains(expected), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_claim_keeps_to_max_builds_of_its_builder() {
    let (farm, ids) = submitted(&["hello", "hello", "hello", "other"]).await;
    let (one, two, three, other) = (ids[0], ids[1], ids[2], ids[3]);
    let first = farm.write(move |w| begin(w, one, "barn")).await.id;
    farm.write(move |w| w.claim(&claim_of(w, two, "shed")?)).await;
    stale(&farm, move |w| begin(w, three, "shed"), "builder hello runs the 2 builds it may").await;
    farm.write(move |w| begin(w, other, "shed")).await;
    // Its slot is taken on, its place is not.
    farm.write(move |w| w.end_steps(first)).await;
    farm.write(move |w| begin(w, three, "shed")).await;
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_claim_keeps_to_max_builds_of_its_worker() {
    let (farm, ids) = submitted(&["a", "b"]).await;
    let (one, two) = (ids[0], ids[1]);
    farm.write(|w| w.limit_worker("barn", Some(1))).await;
    let first = farm.write(move |w| begin(w, one, "barn")).await.id;
    stale(&farm, move |w| begin(w, two, "barn"), "worker barn runs the 1 builds it may").await;
    farm.write(move |w| w.end_steps(first)).await;
    farm.write(move |w| begin(w, two, "barn")).await;
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_limit_set_under_running_builds_is_not_their_fault_and_broken_later_it_is() {
    let (farm, ids) = submitted(&["a", "b", "c"]).await;
    let (one, two, three) = (ids[0], ids[1], ids[2]);
    farm.write(move |w| begin(w, one, "barn")).await;
    farm.write(move |w| begin(w, two, "barn")).await;
    farm.write(|w| w.limit_worker("barn", Some(1))).await;
    farm.assert_sound().await;
    stale(&farm, move |w| begin(w, three, "barn"), "worker barn").await;
    farm.write(|w| w.limit_worker("barn", None)).await;
    farm.write(move |w| begin(w, three, "barn")).await;
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_step_waits_is_granted_and_its_wait_is_no_run_time() {
    let (farm, ids) = submitted(&["a", "b"]).await;
    let (one, two) = (ids[0], ids[1]);
    let (first, second) = (
        farm.write(move |w| begin(w, one, "barn")).await.id,
        farm.write(move |w| begin(w, two, "shed")).await.id,
    );
    let until = Micros(99_000_000);
    let mine = farm.write(move |w| w.wait_step(first, &gpu(1), until)).await;
    assert_eq!(farm.write(move |w| w.wait_step(first, &gpu(1), until)).await, mine);
    let theirs = farm.write(move |w| w.wait_step(second, &gpu(1), until)).await;
    let waiting: Vec<StepId> =
        farm.read(|r| r.waiting_steps()).await.into_iter().map(|it| it.step).collect();
    assert_eq!(waiting, [mine, theirs]);
    assert!(farm.read(|r| r.holdings()).await.iter().all(|holding| holding.locks.is_empty()));
    farm.pass(Duration::seconds(5));
    let granted = farm.write(move |w| w.grant_step(mine, &gpu(1).locks)).await;
    assert_eq!(granted, first);
    stale(&farm, move |w| w.grant_step(theirs, &gpu(1).locks), "gpu").await;
    stale(&farm, move |w| w.grant_step(mine, &gpu(1).locks), "is running, not waiting").await;
    stale(&farm, move |w| w.end_steps(second), "still runs").await;
    let began = farm.read(move |r| Ok(r.step(mine)?.unwrap().started_at)).await;
    assert_eq!(began, Some(Micros(6_000_000)), "not from when it began to wait");
    farm.write(move |w| w.finish_step(mine, Outcome::Success, None, None)).await;
    farm.write(move |w| w.grant_step(theirs, &gpu(1).locks)).await;
    farm.assert_sound().await;
}

#[tokio::test]
async fn the_audit_finds_a_lock_that_two_steps_hold_and_a_limit_that_was_not_kept() {
    let (farm, ids) = submitted(&["a", "b", "hello", "hello"]).await;
    for (id, worker) in [(ids[0], "barn"), (ids[1], "shed")] {
        farm.write(move |w| {
            let build = begin(w, id, worker)?.id;
            // The section is told of more units than the lock has.
            let one = LockNeed { access: Access::Counting(1), ..gpu(5).locks[0].clone() };
            let new = NewStep { locks: vec![one.clone()], ..gpu(5) };
            let step = w.wait_step(build, &new, Micros(99_000_000))?;
            w.grant_step(step, &[one])
        })
        .await;
    }
    let found = farm.read(steading_store::audit::history).await;
    let texts: Vec<&str> = found.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(found.len(), 1, "{texts:?}");
    assert_eq!(found[0].invariant, "I5");
    assert!(texts[0].contains("step 2 took lock gpu beyond its units"), "{texts:?}");
}

#[tokio::test]
async fn an_overdue_request_is_noted_once() {
    let farm = TestFarm::new();
    let ids = farm
        .write(|w| {
            let config = declare(w)?;
            let mut new = buildset(config, &["a", "b", "c"]);
            new.requests[0].start_within = Some(Duration::seconds(10));
            new.requests[1].start_within = Some(Duration::seconds(60));
            Ok(w.submit_buildset(&new)?.requests)
        })
        .await;
    let all = ids.clone();
    assert_eq!(farm.write(move |w| w.note_overdue(&all)).await, 0);
    farm.pass(Duration::seconds(10));
    let (all, again) = (ids.clone(), ids.clone());
    assert_eq!(farm.write(move |w| w.note_overdue(&all)).await, 1);
    assert_eq!(farm.write(move |w| w.note_overdue(&again)).await, 0);
    let (first, second) = (ids[0], ids[1]);
    let overdue = farm.read(move |r| Ok(r.request(first)?.unwrap())).await;
    assert_eq!(overdue.start_by, Some(Micros(11_000_000)));
    assert_eq!(overdue.overdue_at, Some(Micros(11_000_000)));
    // One that started is not overdue, however long it runs.
    farm.write(move |w| begin(w, second, "barn")).await;
    farm.pass(Duration::seconds(100));
    let all = ids.clone();
    assert_eq!(farm.write(move |w| w.note_overdue(&all)).await, 0);
    // A survivor is to start when the one it absorbed was.
    let third = ids[2];
    farm.write(move |w| w.collapse(first, third)).await;
    let survivor = farm.read(move |r| Ok(r.request(third)?.unwrap())).await;
    assert_eq!(survivor.start_by, Some(Micros(11_000_000)));
    farm.assert_sound().await;
}
