//! Who is to blame, over the real operations; and builds that are lost and come back.

use steading_core::farm::Rerun;
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

const BUDGET: i64 = 5;

fn lost() -> Reason {
    Reason::new("worker_lost", "it is gone")
}

fn outside() -> Reason {
    Reason::new("archive_unreachable", "the archive is away")
}

async fn workers(names: &'static [&str]) -> (TestFarm, ConfigId) {
    let farm = TestFarm::new();
    let config = farm
        .write(move |w| {
            let ready: Vec<(&str, i64)> = names.iter().map(|name| (*name, 2)).collect();
            set_up(w, &ready)
        })
        .await;
    (farm, config)
}

async fn ask(farm: &TestFarm, config: ConfigId) -> RequestId {
    farm.write(move |w| Ok(w.submit_buildset(&buildset(config, &["hello"]))?.requests[0])).await
}

/// A build that ends without a verdict.
async fn fail(farm: &TestFarm, request: RequestId, worker: &'static str, why: fn() -> Reason) {
    let give_up = move |w: &mut Write<'_>| {
        let build = begin(w, request, worker)?.id;
        w.give_up_build(build, &why(), BUDGET)
    };
    farm.write(give_up).await;
}

/// A build that goes well.
async fn succeed(farm: &TestFarm, config: ConfigId, worker: &'static str) {
    let request = ask(farm, config).await;
    let finish = move |w: &mut Write<'_>| {
        let build = begin(w, request, worker)?.id;
        w.finish_build(build, Outcome::Success, None, Next::Complete)
    };
    farm.write(finish).await;
}

async fn worker(farm: &TestFarm, name: &'static str) -> Worker {
    farm.read(move |r| r.worker(name)).await.unwrap()
}

async fn request(farm: &TestFarm, id: RequestId) -> Request {
    farm.read(move |r| r.request(id)).await.unwrap()
}

#[tokio::test]
async fn a_worker_that_fails_whatever_it_is_given_is_quarantined_and_returns_with_a_canary() {
    let (farm, config) = workers(&["bad", "good"]).await;
    for _ in 0..3 {
        let id = ask(&farm, config).await;
        fail(&farm, id, "bad", lost).await;
        assert_eq!(request(&farm, id).await.state, RequestState::Pending);
    }
    let quarantine = worker(&farm, "bad").await.quarantine.expect("it is in quarantine");
    assert!(quarantine.why.contains("3 errors"), "{}", quarantine.why);
    let id = ask(&farm, config).await;
    let offer = move |w: &mut Write<'_>| w.claim(&claim_of(w, id, "bad")?);
    let refused = farm.store.write("test", offer).await.unwrap_err().to_string();
    assert!(refused.contains("quarantine"), "{refused}");
    // It survives a restart of the master.
    farm.write(|w| w.recover().map(drop)).await;
    farm.write(|w| w.worker_connected("bad", "0.1.0", &serde_json::json!({}))).await;
    assert!(farm.store.write("test", offer).await.is_err());

    // Its time is over: one build at a time, whatever its slots.
    farm.pass(Duration::seconds(60));
    let canary = farm.write(move |w| begin(w, id, "bad")).await.id;
    let second = ask(&farm, config).await;
    let offer = move |w: &mut Write<'_>| w.claim(&claim_of(w, second, "bad")?);
    let refused = farm.store.write("test", offer).await.unwrap_err().to_string();
    assert!(refused.contains("no free slot"), "{refused}");
    farm.write(move |w| w.give_up_build(canary, &lost(), BUDGET)).await;
    let again = worker(&farm, "bad").await.quarantine.expect("again");
    assert_eq!((again.until.since(quarantine.until), again.times), (Duration::seconds(120), 2));

    farm.pass(Duration::seconds(120));
    succeed(&farm, config, "bad").await;
    let trusted = worker(&farm, "bad").await;
    assert_eq!((trusted.failures, trusted.quarantine), (0, None));
    farm.assert_sound().await;
}

#[tokio::test]
async fn somebody_may_end_a_quarantine() {
    let (farm, config) = workers(&["bad"]).await;
    for _ in 0..3 {
        let id = ask(&farm, config).await;
        fail(&farm, id, "bad", lost).await;
    }
    farm.write(|w| w.resume_worker("bad", "ann", "")).await;
    let resumed = worker(&farm, "bad").await;
    assert_eq!((resumed.failures, resumed.quarantine), (0, None));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_build_that_kills_sound_workers_is_stopped_and_they_are_not_blamed() {
    let (farm, config) = workers(&["oak", "elm", "ash", "fir", "yew", "box", "bay"]).await;
    let poison = ask(&farm, config).await;
    fail(&farm, poison, "oak", lost).await;
    succeed(&farm, config, "oak").await;
    fail(&farm, poison, "elm", lost).await;
    succeed(&farm, config, "elm").await;
    farm.pass(Duration::seconds(61));
    assert_eq!(request(&farm, poison).await.state, RequestState::Pending, "two are proof enough");
    fail(&farm, poison, "ash", lost).await;
    let ended = request(&farm, poison).await;
    assert_eq!((ended.state, ended.outcome), (RequestState::Complete, Some(Outcome::Exception)));
    let causes = farm.read(move |r| r.causes_of(poison)).await;
    let on: Vec<&str> = causes.iter().map(|cause| cause.worker.as_str()).collect();
    assert_eq!(on, ["oak", "elm", "ash"]);
    for name in ["oak", "elm", "ash"] {
        assert_eq!(worker(&farm, name).await.failures, 0, "{name}");
    }
    let build = farm.read(move |r| r.build(ended.build_id.unwrap())).await.unwrap();
    let reason = build.outcome_reason.expect("it says why");
    assert_eq!((reason.code.as_str(), reason.causes.len()), ("poison", 3));
    farm.assert_sound().await;
}

/// What lies outside is away for a minute: no request is stopped for that, also where workers that
/// do not need it go on well.
#[tokio::test]
async fn an_outage_of_a_minute_stops_no_request() {
    let (farm, config) = workers(FIFTY).await;
    let id = ask(&farm, config).await;
    for name in ["w00", "w01", "w02"] {
        fail(&farm, id, name, outside).await;
        succeed(&farm, config, name).await;
        farm.pass(Duration::seconds(25));
    }
    assert_eq!(request(&farm, id).await.state, RequestState::Pending);
    farm.pass(Duration::seconds(25));
    fail(&farm, id, "w03", outside).await;
    assert_eq!(request(&farm, id).await.outcome, Some(Outcome::Exception));
    farm.assert_sound().await;
}

#[tokio::test]
async fn the_budget_ends_what_nobody_is_proven_guilty_of() {
    let (farm, config) = workers(&["only"]).await;
    let id = ask(&farm, config).await;
    for _ in 0..BUDGET {
        assert_eq!(request(&farm, id).await.state, RequestState::Pending);
        fail(&farm, id, "only", lost).await;
        farm.pass(Duration::seconds(3600));
    }
    let ended = request(&farm, id).await;
    assert_eq!(ended.outcome, Some(Outcome::Exception));
    let build = farm.read(move |r| r.build(ended.build_id.unwrap())).await.unwrap();
    let reason = build.outcome_reason.unwrap();
    assert_eq!((reason.code.as_str(), reason.causes.len()), ("retries_exhausted", 5));
    farm.assert_sound().await;
}

#[tokio::test]
async fn who_answers_no_offer_is_quarantined_and_the_request_is_not_to_blame() {
    let (farm, config) = workers(&["deaf"]).await;
    let id = ask(&farm, config).await;
    for _ in 0..3 {
        farm.pass(Duration::seconds(120));
        let claim = farm.write(move |w| w.claim(&claim_of(w, id, "deaf")?)).await;
        farm.write(move |w| w.expire_claim(claim.id)).await;
    }
    assert!(worker(&farm, "deaf").await.quarantine.is_some());
    assert_eq!(request(&farm, id).await.state, RequestState::Pending);
    farm.assert_sound().await;
}

#[tokio::test]
async fn refusals_count_when_they_never_end() {
    let (farm, config) = workers(&["stubborn"]).await;
    let id = ask(&farm, config).await;
    let refuse = async |code: &'static str| {
        let claim = farm.write(move |w| w.claim(&claim_of(w, id, "stubborn")?)).await;
        farm.write(move |w| w.refuse_claim(claim.id, &Reason::new(code, "no"))).await;
        worker(&farm, "stubborn").await.failures
    };
    for _ in 0..19 {
        assert_eq!(refuse("no_slot").await, 0);
    }
    assert_eq!(refuse("no_slot").await, 1);
    assert_eq!(refuse("stopping").await, 1);
    assert_eq!(refuse("nonsense").await, 2);
    farm.assert_sound().await;
}

const FIFTY: &[&str] = &[
    "w00", "w01", "w02", "w03", "w04", "w05", "w06", "w07", "w08", "w09", "w10", "w11", "w12",
    "w13", "w14", "w15", "w16", "w17", "w18", "w19", "w20", "w21", "w22", "w23", "w24", "w25",
    "w26", "w27", "w28", "w29", "w30", "w31", "w32", "w33", "w34", "w35", "w36", "w37", "w38",
    "w39", "w40", "w41", "w42", "w43", "w44", "w45", "w46", "w47", "w48", "w49",
];

/// The archive is away for a minute under fifty workers: their builds fail as they end, the farm is
/// suspected and starts nothing, and afterwards no request has ended and nobody is charged.
#[tokio::test]
async fn an_outage_of_the_archive_under_fifty_workers_ends_no_request() {
    let (farm, config) = workers(FIFTY).await;
    let ids = farm
        .write(move |w| Ok(w.submit_buildset(&buildset(config, &["hello"; 50]))?.requests))
        .await;
    let builds = {
        let ids = ids.clone();
        let begin_all = move |w: &mut Write<'_>| {
            let each = ids.iter().zip(FIFTY);
            each.map(|(id, name)| Ok(begin(w, *id, name)?.id)).collect::<Result<Vec<_>, _>>()
        };
        farm.write(begin_all).await
    };
    for build in builds {
        farm.pass(Duration::seconds(1));
        farm.write(move |w| w.give_up_build(build, &outside(), BUDGET)).await;
    }
    let held = farm.read(|r| r.farm_row()).await.held().expect("nothing is started");
    assert!(held.contains("fail together"), "{held}");
    let id = ids[0];
    let offer = move |w: &mut Write<'_>| w.claim(&claim_of(w, id, "w00")?);
    assert!(farm.store.write("test", offer).await.is_err(), "also not by mistake");
    for id in &ids {
        let id = *id;
        assert_eq!(request(&farm, id).await.state, RequestState::Pending);
    }
    for name in FIFTY {
        let worker = worker(&farm, name).await;
        assert_eq!((worker.failures, worker.quarantine), (0, None), "{name}");
    }
    farm.assert_sound().await;
}

/// A lost build and its farm: `barn` went away with it.
async fn gone(rerun: Rerun) -> (TestFarm, RequestId, BuildId) {
    let (farm, config) = workers(&["barn", "shed"]).await;
    let id = ask(&farm, config).await;
    let build = farm
        .write(move |w| {
            let claim = w.claim(&claim_of(w, id, "barn")?)?;
            let build = w.accept(claim.id, &Acceptance { rerun, ..acceptance() })?.id;
            w.worker_lost("barn")?;
            assert_eq!(w.lose_build(build, &lost(), BUDGET)?, Lost::Waits);
            Ok(build)
        })
        .await;
    (farm, id, build)
}

async fn back(farm: &TestFarm, build: BuildId) -> Returned {
    farm.write(move |w| {
        w.worker_connected("barn", "0.1.0", &serde_json::json!({}))?;
        w.return_build(build, &[])
    })
    .await
}

#[tokio::test]
async fn a_lost_build_comes_back_while_its_retry_waits() {
    let (farm, id, build) = gone(Rerun::Safe).await;
    assert_eq!(request(&farm, id).await.state, RequestState::Pending);
    let Returned::Goes { build: now, withdrawn: None } = back(&farm, build).await else { panic!() };
    assert_eq!(now.state, BuildState::Running);
    assert_eq!(request(&farm, id).await.state, RequestState::Claimed);
    assert_eq!(worker(&farm, "barn").await.failures, 0, "the charge is taken back");
    farm.write(move |w| w.finish_build(build, Outcome::Success, None, Next::Complete)).await;
    assert_eq!(request(&farm, id).await.outcome, Some(Outcome::Success));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_lost_build_comes_back_while_its_retry_is_offered() {
    let (farm, id, build) = gone(Rerun::Safe).await;
    let claim = farm.write(move |w| w.claim(&claim_of(w, id, "shed")?)).await;
    let Returned::Goes { withdrawn, .. } = back(&farm, build).await else { panic!() };
    assert_eq!(withdrawn, Some(claim.clone()));
    // Its acceptance, late, is no acceptance.
    let accept = farm.store.write("test", move |w| w.accept(claim.id, &acceptance())).await;
    assert!(matches!(accept, Err(Error::Illegal(_))));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_lost_build_comes_back_too_late() {
    let (farm, id, build) = gone(Rerun::Safe).await;
    let again = farm.write(move |w| begin(w, id, "shed")).await;
    assert_eq!(again.attempt.epoch, 2);
    assert_eq!(back(&farm, build).await, Returned::TooLate);
    let ended = farm.read(move |r| r.build(build)).await.unwrap();
    assert_eq!((ended.state, ended.outcome), (BuildState::Finished, Some(Outcome::Retry)));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_lost_build_whose_locks_are_taken_does_not_come_back() {
    let (farm, config) = workers(&["barn", "shed"]).await;
    let gate = LockNeed {
        lock: "gate".to_owned(),
        access: Access::Exclusive,
        units: 1,
        per_worker: false,
    };
    let need = gate.clone();
    let build = farm
        .write(move |w| {
            let [one, two] = [0, 1].map(|_| w.submit_buildset(&buildset(config, &["hello"])));
            let (one, two) = (one?.requests[0], two?.requests[0]);
            let mut begin = |id, worker| {
                let new = NewClaim { locks: vec![need.clone()], ..claim_of(w, id, worker)? };
                let claim = w.claim(&new)?;
                let locks = vec![need.held()];
                w.accept(claim.id, &Acceptance { locks, ..acceptance() })
            };
            let build = begin(one, "barn")?.id;
            Ok((build, two))
        })
        .await;
    let (build, two) = build;
    let need = gate.clone();
    farm.write(move |w| {
        w.worker_lost("barn")?;
        w.lose_build(build, &lost(), BUDGET)?;
        // Whoever waits for the lock goes on.
        let new = NewClaim { locks: vec![need.clone()], ..claim_of(w, two, "shed")? };
        w.claim(&new).map(drop)
    })
    .await;
    let taken =
        farm.store.write("test", move |w| w.return_build(build, std::slice::from_ref(&gate))).await;
    assert!(matches!(taken, Err(Error::Stale(_))), "{taken:?}");
    farm.write(move |w| {
        w.forsake_build(build)?;
        w.give_up_build(build, &lost(), BUDGET)
    })
    .await;
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_build_that_may_not_be_rerun_keeps_its_request_until_somebody_knows() {
    let (farm, id, build) = gone(Rerun::Never).await;
    assert_eq!(request(&farm, id).await.state, RequestState::Claimed);
    let holders = farm.read(|r| r.holdings()).await;
    assert_eq!(holders.len(), 1, "it keeps what it holds");
    // Its worker confirms its death.
    farm.write(move |w| w.give_up_build(build, &lost(), BUDGET)).await;
    let ended = request(&farm, id).await;
    assert_eq!(ended.outcome, Some(Outcome::Exception));
    farm.assert_sound().await;

    // Or comes back with it.
    let (farm, _, build) = gone(Rerun::Never).await;
    assert!(matches!(back(&farm, build).await, Returned::Goes { .. }));
    farm.assert_sound().await;

    // Or somebody gives it up.
    let (farm, id, build) = gone(Rerun::Never).await;
    let cancel = farm.write(move |w| w.cancel_build(build, "ann", "it is dead")).await;
    assert_eq!(cancel, CancelBuild::Ends { withdrawn: None });
    farm.write(move |w| w.finish_build(build, Outcome::Cancelled, None, Next::Complete)).await;
    assert_eq!(request(&farm, id).await.outcome, Some(Outcome::Cancelled));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_cancel_of_what_is_lost_takes_its_retry_with_it() {
    let (farm, id, build) = gone(Rerun::Safe).await;
    let claim = farm.write(move |w| w.claim(&claim_of(w, id, "shed")?)).await;
    let cancel = farm.write(move |w| w.cancel_request(id, "ann", "enough")).await;
    let ends = CancelBuild::Ends { withdrawn: Some(claim) };
    assert_eq!(cancel, CancelRequest::Building { build, cancel: ends });
    assert_eq!(back(&farm, build).await, Returned::TooLate);
    farm.write(move |w| w.finish_build(build, Outcome::Cancelled, None, Next::Complete)).await;
    let ended = farm.read(move |r| r.build(build)).await.unwrap();
    assert_eq!(ended.outcome, Some(Outcome::Cancelled));
    assert_eq!(request(&farm, id).await.outcome, Some(Outcome::Cancelled));
    farm.assert_sound().await;
}

#[tokio::test]
async fn a_worker_that_is_there_loses_nothing_to_the_clock() {
    let (farm, config) = workers(&["barn"]).await;
    let id = ask(&farm, config).await;
    let lost = farm
        .write(move |w| {
            let build = begin(w, id, "barn")?.id;
            w.lose_build(build, &lost(), BUDGET)
        })
        .await;
    assert_eq!(lost, Lost::Nothing);
    farm.assert_sound().await;
}
