//! The recent past, as a replay is told it.

use steading_core::matcher::NotNow;
use steading_core::replay::Length;
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

const SECOND: i64 = 1_000_000;

/// Runs the request's build for so many seconds, the last one after its steps.
async fn build(farm: &TestFarm, request: RequestId, seconds: i64) {
    let build = farm.write(move |w| Ok(begin(w, request, "barn")?.id)).await;
    farm.pass(Duration::seconds(seconds - 1));
    farm.write(move |w| w.end_steps(build)).await;
    farm.pass(Duration::seconds(1));
    farm.write(move |w| w.finish_build(build, Outcome::Success, None, Next::Complete)).await;
}

async fn submit(farm: &TestFarm, builders: &'static [&'static str]) -> Vec<RequestId> {
    let submit = move |w: &mut Write<'_>| {
        let config = w.apply_configuration(&text("one"), &steading_core::farm::Farm::default())?;
        w.submit_buildset(&buildset(config, builders))
    };
    farm.write(submit).await.requests
}

async fn past(farm: &TestFarm, seconds: i64) -> Past {
    farm.read(move |r| r.past(Duration::seconds(seconds))).await.unwrap()
}

#[tokio::test]
async fn an_empty_history_has_no_past() {
    let farm = TestFarm::new();
    assert_eq!(farm.read(|r| r.past(Duration::seconds(60))).await, None);
}

#[tokio::test]
async fn requests_come_with_what_their_builds_took() {
    let farm = TestFarm::new();
    farm.write(|w| set_up(w, &[("barn", 1)])).await;
    let [first, second] = submit(&farm, &["hello", "other"]).await[..] else { panic!("two") };
    build(&farm, first, 10).await;
    farm.write(move |w| w.cancel_request(second, "ann", "enough")).await;
    let [third] = submit(&farm, &["hello"]).await[..] else { panic!("one") };
    farm.pass(Duration::seconds(5));
    farm.write(move |w| w.prioritize(third, 7, "ann")).await;

    let all = past(&farm, 1000).await;
    let length = Length { locks: Duration::seconds(9), slot: Duration::seconds(10) };
    assert_eq!((all.since, all.until), (Micros(SECOND), Micros(16 * SECOND)));
    let ids: Vec<RequestId> = all.requests.iter().map(|r| r.view.id).collect();
    assert_eq!(ids, [first, second, third]);
    assert_eq!(all.requests[0].build.as_ref().unwrap().length, Some(length));
    assert_eq!(all.requests[1].withdrawn_at, Some(Micros(11 * SECOND)));
    assert_eq!(all.requests[1].at, Micros(SECOND));
    // As it was submitted, and what it was given later.
    assert_eq!(all.requests[2].view.priority, 0);
    assert_eq!(all.requests[2].priorities, [(Micros(16 * SECOND), 7)]);
    // Of its own builder's builds, else of the farm's.
    assert_eq!((all.learned["hello"], all.learned["other"]), (length, length));

    // The build was over when this stretch began; the cancelled request waited, the last came
    // later.
    let late = past(&farm, 5).await;
    let ids: Vec<RequestId> = late.requests.iter().map(|r| r.view.id).collect();
    assert_eq!((late.since, ids), (Micros(11 * SECOND), vec![second, third]));
    // And here it still ran.
    let early = past(&farm, 10).await;
    let ids: Vec<RequestId> = early.requests.iter().map(|r| r.view.id).collect();
    assert_eq!((early.since, ids), (Micros(6 * SECOND), vec![first, second, third]));
    assert_eq!(early.requests[1].at, early.since);
    assert_eq!(early.requests[1].view.submitted_at, Micros(SECOND));
    assert_eq!(early.workers["barn"].last_builder, "hello");
}

#[tokio::test]
async fn workers_come_with_the_times_they_took_builds() {
    let farm = TestFarm::new();
    farm.write(|w| set_up(w, &[("barn", 2), ("shed", 1)])).await;
    farm.pass(Duration::seconds(10));
    farm.write(|w| w.worker_lost("barn")).await;
    farm.pass(Duration::seconds(10));
    farm.write(|w| w.worker_connected("barn", "0.1.0", &serde_json::json!({}))).await;
    farm.write(|w| w.pause_worker("shed", "ann", "dusty")).await;
    farm.pass(Duration::seconds(10));
    farm.write(|w| w.resume_worker("shed", "ann", "")).await;

    let paused = || Err(NotNow::Paused { by: "ann".into(), why: "dusty".into() });
    let all = past(&farm, 1000).await;
    let (barn, shed) = (&all.workers["barn"], &all.workers["shed"]);
    let at = |seconds: i64| Micros(seconds * SECOND);
    assert_eq!((barn.slots, &barn.accepting), (2, &Err(NotNow::Offline)));
    let gone = (at(11), Err(NotNow::Offline));
    assert_eq!(barn.changes, [(at(1), Ok(())), gone.clone(), (at(21), Ok(()))]);
    assert_eq!(shed.changes, [(at(1), Ok(())), (at(21), paused()), (at(31), Ok(()))]);

    // What stood before is known from what changed after.
    let late = past(&farm, 25).await;
    let (barn, shed) = (&late.workers["barn"], &late.workers["shed"]);
    assert_eq!((&barn.accepting, &barn.changes), (&Ok(()), &vec![gone, (at(21), Ok(()))]));
    assert_eq!(shed.accepting, Ok(()));
    let last = past(&farm, 5).await;
    assert_eq!(last.workers["barn"].accepting, Ok(()));
    let somebody = NotNow::Paused { by: "somebody".into(), why: String::new() };
    assert_eq!(last.workers["shed"].accepting, Err(somebody));
}

#[tokio::test]
async fn a_full_disk_holds_a_worker_back_for_its_time() {
    let farm = TestFarm::new();
    farm.write(|w| set_up(w, &[("barn", 1)])).await;
    farm.pass(Duration::seconds(10));
    farm.write(|w| w.worker_troubled("barn", &[Reason::new("disk_full", "full")])).await;
    farm.pass(Duration::seconds(10));
    farm.write(|w| w.worker_troubled("barn", &[])).await;
    let at = |seconds: i64| Micros(seconds * SECOND);
    let full = || Err(NotNow::Troubled { why: "full".into() });
    let all = past(&farm, 1000).await;
    assert_eq!(all.workers["barn"].changes, [(at(1), Ok(())), (at(11), full()), (at(21), Ok(()))]);
    // Begun before the stretch, and over in it.
    let late = past(&farm, 5).await;
    let barn = &late.workers["barn"];
    assert!(matches!(barn.accepting, Err(NotNow::Troubled { .. })), "{barn:?}");
    assert_eq!(barn.changes, [(at(21), Ok(()))]);
}

/// It begins with an event and ends by itself.
#[tokio::test]
async fn a_quarantine_holds_a_worker_back_for_its_time() {
    let farm = TestFarm::new();
    farm.write(|w| set_up(w, &[("barn", 1)])).await;
    farm.pass(Duration::seconds(10));
    for request in submit(&farm, &["hello", "hello", "hello"]).await {
        farm.write(move |w| {
            let build = begin(w, request, "barn")?.id;
            w.give_up_build(build, &Reason::new("worker_lost", "it is gone"), 5)
        })
        .await;
    }
    farm.pass(Duration::seconds(100));
    farm.write(|w| w.pause_worker("barn", "ann", "dusty")).await;

    let changes = |past: Past| -> Vec<(i64, bool)> {
        let barn = &past.workers["barn"];
        barn.changes.iter().map(|(at, takes)| (at.0 / SECOND, takes.is_ok())).collect()
    };
    let all = past(&farm, 1000).await;
    let held = &all.workers["barn"].changes[1];
    assert!(matches!(held.1, Err(NotNow::Quarantined { .. })), "{held:?}");
    assert_eq!(changes(all), [(1, true), (11, false), (71, true), (111, false)]);
    // Begun before the stretch, and over in it.
    let late = past(&farm, 80).await;
    assert!(matches!(late.workers["barn"].accepting, Err(NotNow::Quarantined { .. })));
    assert_eq!(changes(late), [(71, true), (111, false)]);
}

#[tokio::test]
async fn what_was_folded_arrives_by_itself_and_its_survivor_as_it_came() {
    let farm = TestFarm::new();
    farm.write(|w| set_up(w, &[("barn", 1)])).await;
    let [older] = submit(&farm, &["hello"]).await[..] else { panic!("one") };
    farm.pass(Duration::seconds(3));
    let [newer] = submit(&farm, &["hello"]).await[..] else { panic!("one") };
    farm.write(move |w| w.collapse(older, newer)).await;
    build(&farm, newer, 4).await;
    let all = past(&farm, 1000).await;
    assert_eq!(all.requests[0].view.id, older);
    assert_eq!((all.requests[0].withdrawn_at, &all.requests[0].build), (None, &None));
    assert_eq!(all.requests[1].view.submitted_at, Micros(4 * SECOND));
    assert!(all.requests[1].priorities.is_empty());
    // Folded before the stretch began: it never waits by itself.
    let late = past(&farm, 4).await;
    assert_eq!(late.since, Micros(4 * SECOND));
    let ids: Vec<RequestId> = past(&farm, 3).await.requests.iter().map(|r| r.view.id).collect();
    assert_eq!(ids, [newer]);
}
