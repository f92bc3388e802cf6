//! What is held back, resets, and the outbox, as operations: each checked by the audit.

use std::collections::BTreeMap;

use steading_core::farm::{Builder, Farm};
use steading_core::settle::Turn;
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

/// A farm that declares `hello`, a ready worker, and two pending requests.
async fn waiting() -> (TestFarm, Vec<RequestId>) {
    let farm = TestFarm::new();
    let submitted = farm.write(|w| {
        set_up(w, &[("barn", 1)])?;
        let hello = Builder { name: "hello".to_owned(), ..Builder::default() };
        let builders = BTreeMap::from([("hello".to_owned(), hello)]);
        let config = w.apply_configuration(&text("two"), &Farm { builders, ..Farm::default() })?;
        w.submit_buildset(&buildset(config, &["hello", "other"]))
    });
    let requests = submitted.await.requests;
    (farm, requests)
}

async fn claim(farm: &TestFarm, request: RequestId) -> Result<Claim, Error> {
    farm.store.write("claim", move |w| w.claim(&claim_of(w, request, "barn")?)).await
}

#[track_caller]
fn stale(result: Result<Claim, Error>, expected: &str) {
    match result {
        Err(Error::Stale(why)) => assert!(why.contains(expected), "{why} for {expected}"),
        other => panic!("{other:?} for {expected}"),
    }
}

#[tokio::test]
async fn nothing_is_claimed_while_farm_or_builder_are_held_back() {
    let (farm, requests) = waiting().await;
    farm.write(|w| w.pause_builder("hello", "ann", "its mirror moves")).await;
    let sentence = "builder hello is paused by ann: its mirror moves";
    stale(claim(&farm, requests[0]).await, sentence);
    farm.write(|w| w.resume_builder("hello", "ann", "")).await;
    farm.write(|w| w.pause_farm("ann", "", false)).await;
    farm.write(|w| w.farm_trouble("disk_full", Some("no room"))).await;
    stale(claim(&farm, requests[0]).await, "the farm is paused by ann");
    farm.write(|w| w.resume_farm("ann", "")).await;
    stale(claim(&farm, requests[0]).await, "no room");
    farm.write(|w| w.farm_trouble("disk_full", None)).await;
    claim(&farm, requests[0]).await.unwrap();
    farm.assert_sound().await;
    let nobody = farm.store.write("pause", |w| w.pause_builder("nobody", "ann", "")).await;
    assert_eq!(nobody, Err(Error::NotFound { noun: "builder", id: "nobody".to_owned() }));
}

#[tokio::test]
async fn nothing_is_claimed_for_a_worker_whose_disk_is_nearly_full() {
    let (farm, requests) = waiting().await;
    let full = || vec![Reason::new("disk_full", "its disk is nearly full: 3 MiB left")];
    let facts = serde_json::json!({ "disk_free_mib": "3" });
    let observed = move |w: &mut Write<'_>| {
        w.worker_observed("barn", &facts)?;
        w.worker_troubled("barn", &full())
    };
    farm.write(observed).await;
    stale(claim(&farm, requests[0]).await, "barn takes nothing: its disk is nearly full: 3 MiB");
    let seq = farm.read(|r| r.newest_seq()).await;
    farm.write(move |w| w.worker_troubled("barn", &full())).await;
    assert_eq!(farm.read(|r| r.newest_seq()).await, seq, "said twice, told once");
    // Nobody can resume a full disk, and a session that begins says how it is.
    farm.write(|w| w.resume_worker("barn", "ann", "")).await;
    farm.write(|w| w.worker_connected("barn", "0.1.0", &serde_json::json!({}))).await;
    stale(claim(&farm, requests[0]).await, "takes nothing");
    farm.write(|w| w.worker_troubled("barn", &[])).await;
    claim(&farm, requests[0]).await.unwrap();
    let events = farm.read(|r| r.events(Seq(0), 1000)).await;
    let told = events.iter().filter(|event| event.kind == "worker.troubled").count();
    assert_eq!(told, 2);
    farm.assert_sound().await;
}

#[tokio::test]
async fn saying_it_twice_is_one_event() {
    let (farm, _) = waiting().await;
    farm.write(|w| w.pause_farm("ann", "rain", false)).await;
    farm.write(|w| w.pause_builder("hello", "ann", "rain")).await;
    let before = farm.read(|r| r.newest_seq()).await;
    farm.write(|w| w.pause_farm("ann", "rain", false)).await;
    farm.write(|w| w.pause_builder("hello", "ann", "rain")).await;
    assert_eq!(farm.read(|r| r.newest_seq()).await, before);
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_worker_is_dirty_from_its_claim_to_the_end_of_its_reset() {
    let (farm, requests) = waiting().await;
    let barn = || farm.read(|r| r.worker("barn"));
    farm.write(|w| w.worker_resets("barn", Some(1))).await;
    stale(claim(&farm, requests[0]).await, "is to be reset first");
    farm.write(|w| w.begin_reset("barn")).await;
    assert_eq!(barn().await.unwrap().state, WorkerState::Resetting);
    stale(claim(&farm, requests[0]).await, "is resetting");
    // The machine goes and comes while it is rolled back: that ends no reset.
    farm.write(|w| w.worker_lost("barn")).await;
    farm.write(|w| w.worker_connected("barn", "0.1.0", &serde_json::json!({}))).await;
    assert_eq!(barn().await.unwrap().state, WorkerState::Resetting);
    farm.write(|w| w.end_reset("barn")).await;
    stale(claim(&farm, requests[0]).await, "is offline");
    farm.write(|w| w.worker_connected("barn", "0.1.0", &serde_json::json!({}))).await;
    claim(&farm, requests[0]).await.unwrap();
    assert!(barn().await.unwrap().reset_due());
    let busy = farm.store.write("begin", |w| w.begin_reset("barn")).await;
    assert!(matches!(busy, Err(Error::Stale(_))), "{busy:?}");
    assert_eq!(farm.read(|r| r.workers_to_reset()).await, []);
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_restart_begins_a_reset_anew_and_failures_quarantine() {
    let (farm, _) = waiting().await;
    farm.write(|w| w.worker_resets("barn", Some(1))).await;
    farm.write(|w| w.begin_reset("barn")).await;
    farm.write(|w| w.recover()).await;
    let due = || farm.read(|r| Ok(r.workers_to_reset()?.len()));
    assert_eq!(due().await, 1, "nobody knows how far it got");
    farm.write(|w| w.begin_reset("barn")).await;
    farm.write(|w| w.retry_reset("barn", "no snapshot")).await;
    farm.write(|w| w.give_up_reset("barn", "no snapshot")).await;
    let barn = farm.read(|r| r.worker("barn")).await.unwrap();
    assert_eq!(barn.quarantine.map(|q| (q.why, q.times)), Some(("no snapshot".to_owned(), 1)));
    assert_eq!(due().await, 0, "it waits for the end of the quarantine");
    farm.pass(Duration::seconds(61));
    assert_eq!(due().await, 1);
    farm.assert_sound().await;
}

#[tokio::test]
async fn the_outbox_keeps_what_is_to_be_told_until_it_was() {
    let (farm, requests) = waiting().await;
    let request = requests[0];
    let build = farm.write(move |w| begin(w, request, "barn")).await.id;
    let new =
        NewNotification { notifier: "team".to_owned(), turn: Turn::Broke, build, previous: None };
    let id = farm.write(move |w| w.add_notification(&new)).await;
    let waiting = || farm.read(|r| r.notifications_waiting(10));
    assert_eq!(waiting().await.len(), 1);
    farm.write(move |w| w.notification_tried(id, 1, "busy", Some(Micros(7)))).await;
    let tried = &waiting().await[0];
    assert_eq!((tried.attempts, tried.next_at, tried.turn), (1, Micros(7), Turn::Broke));
    farm.write(move |w| w.notification_sent(id, 2)).await;
    assert_eq!(waiting().await, []);
    farm.write(|w| w.reach("report", Seq(7))).await;
    farm.write(|w| w.reach("report", Seq(9))).await;
    assert_eq!(farm.read(|r| r.reached("report")).await, Some(Seq(9)));
    farm.assert_sound().await;
}
