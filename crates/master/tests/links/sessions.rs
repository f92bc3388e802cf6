//! What a session may say, and what becomes of builds whatever is said, twice, late or never.

use steading_core::words::{BuildState, Outcome, Reason, WorkerState};
use steading_wire::worker::{Attempt, Ending, ToMaster, ToWorker};

use crate::world::{Link, World, welcome};

const FARM: &str = r#"
worker("barn")
worker("shed")
builder("b", steps = [shell("true"), shell("true")])
worker("void")
builder("nothing", steps = [shell("true")], workers = ["void"])
"#;

const LOCKED: &str = r#"
one = lock("one", capacity = 1)
worker("barn", slots = 2)
worker("void")
builder("b", steps = [shell("true", locks = [one.exclusive()])])
builder("nothing", steps = [shell("true")], workers = ["void"])
"#;

const GREEN: Ending = Ending::Exited { code: 0 };

/// Ends a build whose steps are over: the worker gathers and is told to drop it.
async fn gather(link: &mut Link, attempt: Attempt) {
    assert_eq!(link.hear().await, ToWorker::Finish { attempt });
    link.say(ToMaster::Gathered { attempt }).await;
    assert_eq!(link.hear().await, ToWorker::Drop { attempt });
}

#[tokio::test]
async fn a_worker_speaks_for_its_own_builds_only() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    let (claim, attempt) = barn.offer().await;
    let mut shed = world.connect("shed", vec![]).await;
    shed.say(ToMaster::Refused { claim, reason: Reason::new("no", "not mine to refuse") }).await;
    shed.say(ToMaster::Accepted { number: 0, claim, attempt }).await;
    assert_eq!(shed.hear().await, ToWorker::Drop { attempt });

    barn.say(ToMaster::Accepted { number: 0, claim, attempt }).await;
    assert_eq!(barn.step().await, (attempt, 1));
    shed.say(ToMaster::Accepted { number: 0, claim, attempt }).await;
    assert_eq!(shed.hear().await, ToWorker::Drop { attempt });
    shed.done(attempt, 1, Ending::Exited { code: 1 }).await;
    assert_eq!(shed.hear().await, ToWorker::Drop { attempt });

    for number in [1, 2] {
        barn.done(attempt, number, GREEN).await;
        if number == 1 {
            assert_eq!(barn.step().await, (attempt, 2));
        }
    }
    gather(&mut barn, attempt).await;
    let build = world.until(move |r| r.build_of(attempt)).await;
    assert_eq!((build.attempt.request, build.outcome), (request, Some(Outcome::Success)));
}

#[tokio::test]
async fn a_newer_session_takes_over_and_the_worker_stays_ready() {
    let world = World::start(FARM).await;
    world.ask(pause("shed")).await;
    let mut first = world.connect("barn", vec![]).await;
    world.force("b").await;
    let attempt = first.begin().await;
    let mut second = world.connect("barn", vec![attempt]).await;
    assert_eq!(first.hear().await, ToWorker::Restarting);
    // What the older session still says of its past does not count.
    assert_eq!(second.step().await, (attempt, 1));
    drop(first);
    second.done(attempt, 1, GREEN).await;
    assert_eq!(second.step().await, (attempt, 2));
    second.done(attempt, 2, GREEN).await;
    gather(&mut second, attempt).await;
    let worker = world.until(|r| r.worker("barn")).await;
    assert_eq!(worker.state, WorkerState::Ready);
}

fn pause(worker: &str) -> steading_wire::command::Command {
    let worker = worker.to_owned();
    steading_wire::command::Command::Pause {
        what: steading_wire::command::Pausable::Worker(worker),
        why: Default::default(),
    }
}

#[tokio::test]
async fn a_worker_that_lives_is_not_offline_whoever_said_so() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    // The end of a session before it, recorded late.
    world.store.write("test", |w| w.worker_lost("barn")).await.expect("recorded");
    barn.say(ToMaster::Heartbeat { number: 0, held: vec![], machine: None }).await;
    world.until(|r| Ok(r.worker("barn")?.filter(|w| w.state == WorkerState::Ready))).await;
}

/// Each says what was true before the build: repeated, overtaken, and of an older session.
#[tokio::test]
async fn a_heartbeat_that_comes_late_costs_nothing() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let beat = |number| ToMaster::Heartbeat { number, held: vec![], machine: None };
    barn.say(beat(1)).await;
    world.force("b").await;
    let (claim, attempt) = barn.offer().await;
    barn.say(ToMaster::Accepted { number: 3, claim, attempt }).await;
    assert_eq!(barn.step().await, (attempt, 1));
    for number in [1, 2, 3] {
        barn.say(beat(number)).await;
    }
    barn.done(attempt, 1, GREEN).await;
    assert_eq!(barn.step().await, (attempt, 2), "the build goes on");
    // One that is true is believed.
    barn.say(beat(4)).await;
    let lost = move |r: &steading_store::Read<'_>| {
        Ok(r.build_of(attempt)?.filter(|build| build.state == BuildState::Finished))
    };
    assert_eq!(world.until(lost).await.outcome, Some(Outcome::Retry));
    // A session counts from its beginning.
    let mut barn = world.connect("barn", vec![]).await;
    world.store.write("test", |w| w.worker_lost("barn")).await.expect("recorded");
    barn.say(beat(1)).await;
    world.until(|r| Ok(r.worker("barn")?.filter(|w| w.state == WorkerState::Ready))).await;
}

#[tokio::test]
async fn a_worker_without_a_session_is_offline_whoever_forgot_to_say_so() {
    let world = World::start(FARM).await;
    let ready = |w: &mut steading_store::Write<'_>| {
        w.worker_connected("shed", "0.1.0", &serde_json::json!({}))
    };
    world.store.write("test", ready).await.expect("recorded");
    world.until(|r| Ok(r.worker("shed")?.filter(|w| w.state == WorkerState::Offline))).await;
}

#[tokio::test]
async fn a_worker_that_stops_takes_nothing_also_after_a_reload() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    barn.say(ToMaster::Stopping).await;
    world.until(|r| Ok(r.worker("barn")?.filter(|w| w.draining))).await;
    world.reload(&FARM.replace("worker(\"barn\")", "worker(\"barn\", slots = 4)")).await;
    assert_eq!(barn.hear().await, welcome(4, vec![]));
    let worker = world.until(|r| r.worker("barn")).await;
    assert!(worker.draining && worker.slots == 4);
}

#[tokio::test]
async fn an_offer_that_was_never_heard_goes_back_when_its_worker_does() {
    let world = World::start(FARM).await;
    let mut first = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    let (_, unheard) = first.offer().await;
    let mut second = world.connect("barn", vec![]).await;
    world.until(move |r| Ok(r.offered_claims()?.is_empty().then_some(()))).await;
    // Long before the offer would have expired.
    world.pass(std::time::Duration::from_secs(2)).await;
    let attempt = second.begin().await;
    assert_eq!((attempt.request, attempt.epoch), (request, unheard.epoch + 1));
}

#[tokio::test]
async fn a_revoked_token_ends_its_session() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    // Compared and found to be in order: the next one need not be, unless something was written.
    barn.say(ToMaster::Heartbeat { number: 0, held: vec![], machine: None }).await;
    barn.say(ToMaster::Heartbeat { number: 0, held: vec![], machine: None }).await;
    let name = "local worker barn".to_owned();
    world.ask(steading_wire::command::Command::RevokeToken { name }).await;
    barn.say(ToMaster::Heartbeat { number: 0, held: vec![], machine: None }).await;
    world.until(|r| Ok(r.worker("barn")?.filter(|w| w.state == WorkerState::Offline))).await;
}

#[tokio::test]
async fn bytes_that_never_come_end_their_build() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    world.force("b").await;
    let attempt = barn.begin().await;
    barn.done(attempt, 1, Ending::Exited { code: 1 }).await;
    assert_eq!(barn.hear().await, ToWorker::Finish { attempt });
    world.pass(std::time::Duration::from_secs(7 * 3600)).await;
    let finished = move |r: &steading_store::Read<'_>| {
        Ok(r.build_of(attempt)?.filter(|build| build.state == BuildState::Finished))
    };
    let build = world.until(finished).await;
    assert_eq!(build.outcome, Some(Outcome::Retry));
    assert_eq!(build.outcome_reason.map(|reason| reason.code).as_deref(), Some("bytes_lost"));
}

/// A step that waits for a lock looks again when history moves, and only then.
#[tokio::test]
async fn a_step_that_waits_for_a_lock_waits_quietly() {
    let world = World::start(LOCKED).await;
    let mut barn = world.connect("barn", vec![]).await;
    world.force("b").await;
    let first = barn.begin().await;
    world.force("b").await;
    let (claim, second) = barn.offer().await;
    barn.say(ToMaster::Accepted { number: 0, claim, attempt: second }).await;
    world.until(move |r| r.build_of(second)).await;
    let count = || world.store.stats().committed();
    let before = count();
    for _ in 0..5 {
        world.force("nothing").await;
    }
    let looked = count() - before;
    assert!(looked < 100, "{looked} sections for five events");
    barn.done(first, 1, GREEN).await;
    barn.hear().await;
    assert_eq!(barn.step().await, (second, 1));
}

#[tokio::test]
async fn offers_that_come_back_cost_no_attempt() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    for _ in 0..6 {
        let (claim, _) = barn.offer().await;
        barn.say(ToMaster::Refused { claim, reason: Reason::new("no_slot", "in use") }).await;
        world.until(move |r| Ok(r.offered_claims()?.is_empty().then_some(()))).await;
        world.pass(std::time::Duration::from_secs(2)).await;
    }
    let attempt = barn.begin().await;
    assert_eq!((attempt.request, attempt.epoch), (request, 7));
    // Lost for the first time: tried again.
    barn.say(ToMaster::Heartbeat { number: 0, held: vec![], machine: None }).await;
    let build = world
        .until(move |r| {
            Ok(r.build_of(attempt)?.filter(|build| build.state == BuildState::Finished))
        })
        .await;
    assert_eq!(build.outcome, Some(Outcome::Retry));
}

#[tokio::test]
async fn a_lost_build_rests_before_it_is_tried_again() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let lost = world.force("b").await;
    let attempt = barn.begin().await;
    barn.say(ToMaster::Heartbeat { number: 0, held: vec![], machine: None }).await;
    world.until(move |r| Ok(r.request(lost)?.filter(|r| r.build_id.is_some()))).await;
    let other = world.force("b").await;
    // The one that rests stands aside; whoever came after it goes first.
    let next = barn.begin().await;
    assert_eq!(next.request, other);
    let why = world.ask(steading_wire::command::Command::Explain { request: lost }).await;
    let steading_wire::command::Answer::Explanation(why) = why else { panic!("{why:?}") };
    assert_eq!(why.verdict, "rests", "{}", why.summary);
    for number in [1, 2] {
        barn.done(next, number, GREEN).await;
        if number == 1 {
            barn.step().await;
        }
    }
    gather(&mut barn, next).await;
    world.pass(std::time::Duration::from_secs(60)).await;
    let again = barn.begin().await;
    assert_eq!((again.request, again.epoch), (lost, attempt.epoch + 1));
}
