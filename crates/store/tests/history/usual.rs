//! What history teaches about durations, and who holds what since when.

use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

const SECOND: i64 = 1_000_000;

/// Runs a build of that builder: so many seconds of steps, one more until it is finished.
async fn build(farm: &TestFarm, builder: &'static str, seconds: i64, outcome: Outcome) {
    let (build, step) = farm
        .write(move |w| {
            let config = w.current_configuration()?.expect("there is one");
            let request = w.submit_buildset(&buildset(config, &[builder]))?.requests[0];
            let build = begin(w, request, "barn")?.id;
            Ok((build, w.start_step(build, &step(1, "make"))?))
        })
        .await;
    farm.pass(Duration::seconds(seconds));
    farm.write(move |w| {
        w.finish_step(step, outcome, None, None)?;
        w.end_steps(build)
    })
    .await;
    farm.pass(Duration::seconds(1));
    farm.write(move |w| w.finish_build(build, outcome, None, Next::Complete)).await;
}

/// A farm that declares some builders, and a worker.
async fn declared(builders: &'static [&'static str]) -> TestFarm {
    let farm = TestFarm::new();
    farm.write(move |w| {
        set_up(w, &[("barn", 3)])?;
        w.apply_configuration(&text("two"), &with_builders(builders))
    })
    .await;
    farm
}

fn with_builders(names: &[&str]) -> steading_core::farm::Farm {
    use steading_core::farm::{Builder, Farm, Plan};
    let builder = |name: &&str| {
        let name = (*name).to_owned();
        let builder = Builder {
            name: name.clone(),
            requires: Default::default(),
            workers: vec![],
            locks: vec![],
            plan: Plan::default(),
            ..Builder::default()
        };
        (name, builder)
    };
    Farm { builders: names.iter().map(builder).collect(), ..Farm::default() }
}

#[tokio::test]
async fn durations_are_learned_from_the_newest_green_builds() {
    let farm = declared(&["hello", "red"]).await;
    assert!(farm.read(|r| r.durations()).await.is_empty());
    // Forgotten: fifty newer ones follow.
    build(&farm, "hello", 9000, Outcome::Success).await;
    for seconds in 1..=49 {
        build(&farm, "hello", seconds, Outcome::Success).await;
    }
    build(&farm, "hello", 7000, Outcome::Failure).await;
    build(&farm, "hello", 50, Outcome::Warnings).await;
    build(&farm, "red", 5, Outcome::Failure).await;

    let durations = farm.read(|r| r.durations()).await;
    assert_eq!(durations.keys().collect::<Vec<_>>(), ["hello"]);
    let usual = durations["hello"];
    let seconds = |span: Duration| span.0 / 1000;
    let [p50, p90] = [usual.p50, usual.p90].map(|l| (seconds(l.locks), seconds(l.slot)));
    assert_eq!((p50, p90, usual.builds), ((25, 26), (45, 46), 50));

    let steps = farm.read(|r| r.step_durations("hello")).await;
    let make = steps["make"];
    assert_eq!((seconds(make.p50.slot), seconds(make.p90.slot), make.builds), (25, 45, 50));
    assert!(farm.read(|r| r.step_durations("red")).await.is_empty());
    farm.assert_sound().await;
}

#[tokio::test]
async fn what_is_held_is_what_the_matcher_is_told_and_since_when() {
    let farm = declared(&["hello"]).await;
    build(&farm, "hello", 10, Outcome::Success).await;
    let now = farm.read(|r| Ok(r.now())).await;
    let press = || {
        let (lock, access) = ("press".to_owned(), Access::Exclusive);
        vec![LockNeed { lock, access, units: 1, per_worker: false }]
    };
    let gathering = farm
        .write(move |w| {
            let config = w.current_configuration()?.expect("there is one");
            let ids = w.submit_buildset(&buildset(config, &["hello", "hello", "hello"]))?.requests;
            let working = begin(w, ids[0], "barn")?.id;
            w.start_step(working, &NewStep { locks: press(), ..step(1, "make") })?;
            let gathering = begin(w, ids[1], "barn")?.id;
            let offer = claim_of(w, ids[2], "barn")?;
            w.claim(&offer)?;
            Ok(gathering)
        })
        .await;
    farm.pass(Duration::seconds(4));
    farm.write(move |w| w.end_steps(gathering)).await;

    let (live, holdings) = farm.read(|r| Ok((r.live_holdings()?, r.holdings()?))).await;
    let held: Vec<_> = live.iter().map(|live| live.holding.clone()).collect();
    assert_eq!(held, holdings);
    let told: Vec<_> =
        live.iter().map(|l| (l.builder.as_str(), l.step.as_deref(), l.started_at)).collect();
    let (hello, make, since) = ("hello", Some("make"), Some(now));
    let expected =
        [(hello, None, None), (hello, None, since), (hello, None, since), (hello, make, since)];
    assert_eq!(told, expected);
    let of: Vec<_> = live.iter().map(|l| Some(l.of.as_ref()?.submitted_at)).collect();
    assert_eq!(of, [since, since, since, None]);
    assert_eq!(now, Micros(12 * SECOND));

    let steps = farm.read(move |r| r.durations_of_steps(&live)).await;
    let made = steps[&("hello".to_owned(), "make".to_owned())];
    assert_eq!((made.p50.slot, made.builds), (Duration::seconds(10), 1));
}
