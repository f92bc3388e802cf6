//! The life of requests and builds through the operations.

use std::collections::BTreeMap;

use steading_core::farm::{Farm, Lock, LockCapacity};
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

const ONE_WORKER: &[(&str, i64)] = &[("barn", 1)];

/// A farm with a worker and one pending request for each builder.
async fn waiting(
    workers: &'static [(&str, i64)],
    builders: &'static [&str],
) -> (TestFarm, Submitted) {
    let farm = TestFarm::new();
    let submitted = farm
        .write(move |w| {
            let config = set_up(w, workers)?;
            w.submit_buildset(&buildset(config, builders))
        })
        .await;
    (farm, submitted)
}

async fn request(farm: &TestFarm, id: RequestId) -> Request {
    farm.read(move |r| r.request(id)).await.unwrap()
}

#[tokio::test]
async fn a_one_step_build_takes_few_sections_and_ends_green() {
    let (farm, submitted) = waiting(ONE_WORKER, &["hello"]).await;
    let id = submitted.requests[0];
    let before = farm.store.stats().committed();
    let claim = farm.write(move |w| claim_of(w, id, "barn").and_then(|new| w.claim(&new))).await;
    let build = farm.write(move |w| w.accept(claim.id, &acceptance())).await;
    let build = (build.id, build.number);
    farm.pass(Duration::seconds(2));
    let (step, log) = farm
        .write(move |w| {
            let step = w.start_step(build.0, &step(1, "make"))?;
            Ok((step, w.open_log(build.0, step, "stdout")?))
        })
        .await;
    farm.write(move |w| {
        w.close_log(log, &ended("h"))?;
        w.finish_step(step, Outcome::Success, None, Some(&serde_json::json!({ "code": 0 })))?;
        w.end_steps(build.0)
    })
    .await;
    farm.write(move |w| w.finish_build(build.0, Outcome::Success, None, Next::Complete)).await;
    assert!(farm.store.stats().committed() - before <= 8);
    let ended = farm.read(move |r| r.build(build.0)).await.unwrap();
    assert_eq!((ended.state, ended.outcome), (BuildState::Finished, Some(Outcome::Success)));
    assert_eq!(ended.properties["build_number"].value, Value::Int(1));
    assert_eq!(request(&farm, id).await.outcome, Some(Outcome::Success));
    let set = farm.read(move |r| r.buildset(submitted.buildset)).await.unwrap();
    assert_eq!(set.outcome, Some(Outcome::Success));
    let usual = farm.read(|r| r.usual_duration("hello")).await;
    assert_eq!(usual, Some(Duration::seconds(2)));
    assert_eq!(farm.read(|r| r.last_builders()).await["barn"], "hello");
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_claim_is_validated_again_against_stored_facts() {
    let (farm, submitted) = waiting(&[("barn", 1), ("shed", 1)], &["hello", "other"]).await;
    let [hello, other] = [submitted.requests[0], submitted.requests[1]];
    let claim = |request: RequestId, worker: &'static str| {
        farm.store.write("claim", move |w| w.claim(&claim_of(w, request, worker)?))
    };
    let stale = |result: Result<Claim, Error>, expected: &str| match result {
        Err(Error::Stale(why)) => assert!(why.contains(expected), "{why} for {expected}"),
        other => panic!("{other:?} for {expected}"),
    };
    let flag =
        |name: &'static str, f: fn(&mut Write<'_>) -> Result<(), Error>| farm.store.write(name, f);
    assert_eq!(claim(hello, "barn").await.unwrap().attempt, Attempt { request: hello, epoch: 1 });
    stale(claim(hello, "shed").await, "claimed, not pending");
    stale(claim(other, "barn").await, "no free slot");
    flag("pause", |w| w.pause_worker("shed", "ann", "dusty")).await.unwrap();
    stale(claim(other, "shed").await, "is paused by ann");
    flag("resume", |w| w.resume_worker("shed", "ann", "")).await.unwrap();
    flag("drain", |w| w.drain_worker("shed", true)).await.unwrap();
    stale(claim(other, "shed").await, "drains");
    flag("undrain", |w| w.drain_worker("shed", false)).await.unwrap();
    flag("lose", |w| w.worker_lost("shed")).await.unwrap();
    stale(claim(other, "shed").await, "is offline");
    let nobody = claim(other, "loft").await;
    assert_eq!(nobody, Err(Error::NotFound { noun: "worker", id: "loft".to_owned() }));
    farm.assert_sound().await;
}

#[tokio::test]
async fn locks_are_free_once_the_last_step_ended_and_slots_once_finished() {
    let (farm, submitted) = waiting(&[("barn", 1), ("shed", 2)], &["a", "b", "c"]).await;
    let all = submitted.requests.clone();
    let gpu = |units| LockNeed {
        lock: "gpu".to_owned(),
        access: Access::Counting(units),
        units: 2,
        per_worker: false,
    };
    let begin = |request: RequestId, worker: &'static str, units: i64| {
        farm.store.write("begin", move |w| {
            let mut new = claim_of(w, request, worker)?;
            new.locks = vec![gpu(units)];
            let claim = w.claim(&new)?;
            let locks = w.claim_locks(claim.id)?;
            w.accept(claim.id, &Acceptance { locks, ..acceptance() })
        })
    };
    let first = begin(all[0], "barn", 1).await.unwrap().id;
    begin(all[1], "shed", 1).await.unwrap();
    assert!(
        matches!(begin(all[2], "shed", 1).await, Err(Error::Stale(why)) if why.contains("gpu"))
    );
    farm.write(move |w| w.end_steps(first)).await;
    assert!(
        matches!(begin(all[2], "barn", 1).await, Err(Error::Stale(why)) if why.contains("slot"))
    );
    assert!(
        matches!(begin(all[2], "shed", 2).await, Err(Error::Stale(why)) if why.contains("gpu"))
    );
    begin(all[2], "shed", 1).await.unwrap();
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_retry_returns_the_request_and_the_next_attempt_has_the_next_epoch_and_number() {
    let (farm, submitted) = waiting(ONE_WORKER, &["hello"]).await;
    let id = submitted.requests[0];
    let lost = Reason::new("worker_lost", "barn was lost");
    let again = farm
        .write(move |w| {
            let build = begin(w, id, "barn")?.id;
            w.start_step(build, &step(1, "make"))?;
            w.finish_build(build, Outcome::Retry, Some(&lost), Next::Retry)?;
            assert_eq!(w.steps(build)?[0].outcome, Some(Outcome::Retry));
            begin(w, id, "barn")
        })
        .await;
    assert_eq!((again.attempt.epoch, again.number), (2, 2));
    let request = request(&farm, id).await;
    assert_eq!((request.state, request.build_id), (RequestState::Claimed, Some(again.id)));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_cancel_ends_what_waits_and_stops_what_runs() {
    let (farm, submitted) = waiting(&[("barn", 2)], &["a", "b", "c"]).await;
    let [waits, offered, runs] = submitted.requests.clone().try_into().unwrap();
    let cancel =
        |id: RequestId| farm.store.write("cancel", move |w| w.cancel_request(id, "ann", "enough"));
    let done = cancel(waits).await.unwrap();
    assert_eq!(done, CancelRequest::Complete { withdrawn: None });
    let claim = farm.write(move |w| w.claim(&claim_of(w, offered, "barn")?)).await;
    let done = cancel(offered).await.unwrap();
    assert_eq!(done, CancelRequest::Complete { withdrawn: Some(claim) });
    let build = farm.write(move |w| begin(w, runs, "barn")).await.id;
    let done = cancel(runs).await.unwrap();
    assert_eq!(done, CancelRequest::Building { build, cancel: CancelBuild::Cancelling });
    let done = cancel(runs).await.unwrap();
    assert_eq!(done, CancelRequest::Building { build, cancel: CancelBuild::Again });
    // Its worker is lost while it dies: it is cancelled all the same, and not retried.
    farm.write(move |w| w.finish_build(build, Outcome::Retry, None, Next::Retry)).await;
    let ended = request(&farm, runs).await;
    assert_eq!((ended.state, ended.outcome), (RequestState::Complete, Some(Outcome::Cancelled)));
    assert!(matches!(cancel(runs).await, Err(Error::Illegal(_))));
    let set = farm.read(move |r| r.buildset(submitted.buildset)).await.unwrap();
    assert_eq!(set.outcome, Some(Outcome::Cancelled));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_cancel_ends_what_still_sends_its_bytes_and_comes_too_late_for_what_is_over() {
    let (farm, submitted) = waiting(ONE_WORKER, &["hello"]).await;
    let id = submitted.requests[0];
    let cancel = farm
        .write(move |w| {
            let build = begin(w, id, "barn")?.id;
            w.end_steps(build)?;
            let cancel = w.cancel_build(build, "ann", "")?;
            w.finish_build(build, Outcome::Success, None, Next::Complete)?;
            Ok((cancel, w.cancel_build(build, "ann", "")?))
        })
        .await;
    assert_eq!(cancel, (CancelBuild::Ends { withdrawn: None }, CancelBuild::TooLate));
    assert_eq!(request(&farm, id).await.outcome, Some(Outcome::Cancelled));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_build_with_an_open_log_does_not_finish_and_a_finished_one_takes_nothing() {
    let (farm, submitted) = waiting(ONE_WORKER, &["hello"]).await;
    let id = submitted.requests[0];
    let (build, step, log) = farm
        .write(move |w| {
            let build = begin(w, id, "barn")?.id;
            let step = w.start_step(build, &step(1, "make"))?;
            let log = w.open_log(build, step, "stdout")?;
            assert_eq!(w.open_log(build, step, "stdout")?, log, "opening again is the same log");
            Ok((build, step, log))
        })
        .await;
    let finish =
        move |w: &mut Write<'_>| w.finish_build(build, Outcome::Exception, None, Next::Complete);
    let refused = farm.store.write("finish", finish).await;
    assert!(matches!(refused, Err(Error::Stale(why)) if why.contains("close it")));
    farm.write(move |w| {
        w.close_log(log, &ended("h"))?;
        w.close_log(log, &ended("h"))?;
        finish(w)?;
        finish(w)
    })
    .await;
    let late = farm.store.write("late", move |w| w.open_log(build, step, "stderr")).await;
    assert!(matches!(late, Err(Error::Stale(why)) if why.contains("finished")));
    let other = farm.store.write("other", move |w| w.close_log(log, &ended("other"))).await;
    assert!(matches!(other, Err(Error::Stale(why)) if why.contains("another hash")));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_collapsed_request_completes_with_its_survivor_or_returns_when_that_is_cancelled() {
    let (farm, submitted) = waiting(ONE_WORKER, &["a", "a", "a"]).await;
    let [old, mid, new] = submitted.requests.clone().try_into().unwrap();
    farm.write(move |w| {
        w.prioritize(old, 7, "ada")?;
        w.collapse(old, mid)?;
        w.collapse(mid, new)
    })
    .await;
    let kept = request(&farm, new).await;
    assert_eq!((kept.priority, request(&farm, old).await.collapsed_into), (7, Some(new)));
    farm.write(move |w| w.cancel_request(new, "ann", "")).await;
    assert_eq!(request(&farm, mid).await.state, RequestState::Pending);
    farm.write(move |w| {
        w.collapse(old, mid)?;
        let build = begin(w, mid, "barn")?.id;
        w.finish_build(build, Outcome::Success, None, Next::Complete)
    })
    .await;
    assert_eq!(request(&farm, old).await.outcome, Some(Outcome::Success));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_start_makes_history_true_again() {
    let (farm, submitted) = waiting(&[("barn", 2)], &["a", "b"]).await;
    let [offered, runs] = submitted.requests.clone().try_into().unwrap();
    farm.write(move |w| w.claim(&claim_of(w, offered, "barn")?)).await;
    let build = farm.write(move |w| begin(w, runs, "barn")).await.id;
    let recovered = farm.write(|w| w.recover()).await;
    assert_eq!(recovered, Recovered { workers: vec!["barn".to_owned()], claims: 1 });
    assert_eq!(farm.write(|w| w.recover()).await, Recovered::default());
    assert_eq!(request(&farm, offered).await.state, RequestState::Pending);
    assert_eq!(farm.read(|r| r.live_builds_on("barn")).await[0].id, build);
    farm.assert_sound().await;
}

fn with_lock(units: i64) -> Farm {
    let capacity = LockCapacity::Units(units);
    let lock = Lock { name: "gpu".to_owned(), per_worker: false, capacity };
    Farm { locks: BTreeMap::from([("gpu".to_owned(), lock)]), ..Farm::default() }
}

#[tokio::test]
async fn applying_a_configuration_tells_only_differences() {
    let farm = TestFarm::new();
    let apply = |hash: &'static str, declared: Farm| {
        farm.write(move |w| {
            let before = w.newest_seq()?;
            let id = w.apply_configuration(&text(hash), &declared)?;
            let kinds = w.events(before, 10)?.into_iter().map(|e| e.kind).collect::<Vec<_>>();
            Ok((id, kinds))
        })
    };
    let (one, kinds) = apply("one", with_lock(1)).await;
    assert_eq!(kinds, ["configuration.applied", "lock.configured"]);
    assert_eq!(apply("one", with_lock(1)).await, (one, vec![]));
    let (two, kinds) = apply("two", with_lock(1)).await;
    assert_eq!(kinds, ["configuration.applied"]);
    assert_eq!(apply("three", with_lock(2)).await.1.len(), 2);
    assert_eq!(apply("four", Farm::default()).await.1.len(), 2);
    let (back, kinds) = apply("one", with_lock(1)).await;
    assert_eq!((back, kinds.len()), (one, 2));
    assert_eq!(farm.read(|r| r.current_configuration()).await, Some(one));
    let stored = farm.read(move |r| r.configuration(two)).await.unwrap();
    assert_eq!(stored, text("two"));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_failed_buildset_is_a_visible_outcome_and_an_empty_one_is_skipped() {
    let farm = TestFarm::new();
    let (failed, empty) = farm
        .write(|w| {
            let config = set_up(w, &[])?;
            let reason = Reason::new("no_revision", "there is no such revision");
            let failed = w.fail_buildset(&buildset(config, &["hello"]), &reason)?;
            Ok((failed, w.submit_buildset(&buildset(config, &[]))?.buildset))
        })
        .await;
    let outcome = async |id| farm.read(move |r| r.buildset(id)).await.unwrap().outcome;
    assert_eq!(outcome(failed).await, Some(Outcome::Exception));
    assert_eq!(outcome(empty).await, Some(Outcome::Skipped));
    assert_eq!(farm.read(|r| r.pending()).await, vec![]);
    farm.assert_sound().await;
}

#[tokio::test]
async fn tokens_end_and_answers_are_remembered_once() {
    let farm = TestFarm::new();
    let token = NewToken {
        name: "barn".to_owned(),
        scope: "worker".to_owned(),
        hash: "h".to_owned(),
        worker: Some("barn".to_owned()),
        expires_at: Some(Micros(2_000_000)),
    };
    farm.write(move |w| w.add_token(&token)).await;
    assert!(farm.read(|r| r.token("h")).await.is_some());
    farm.pass(Duration::seconds(1));
    assert!(farm.read(|r| r.token("h")).await.is_none(), "it has expired");
    assert!(farm.write(|w| w.revoke_token("barn")).await);
    assert!(!farm.write(|w| w.revoke_token("barn")).await);
    let answer = serde_json::json!({ "buildset": 1 });
    let kept = answer.clone();
    farm.write(move |w| w.remember("k", "f", &kept)).await;
    let found = farm.read(|r| r.remembered("k")).await;
    assert_eq!(found, Some(Remembered { fingerprint: "f".to_owned(), answer: answer.clone() }));
    let again = farm.store.write("again", move |w| w.remember("k", "f", &answer)).await;
    assert!(matches!(again, Err(Error::Stale(_))));
}
