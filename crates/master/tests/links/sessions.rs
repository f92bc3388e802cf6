//! What a session may say, and what becomes of builds whatever is said, twice, late or never.

use steading_core::words::{BuildState, Outcome, Reason, WorkerState};
use steading_wire::worker::{Attempt, Ending, ToMaster, ToWorker};

use crate::world::{Link, World};

const FARM: &str = r#"
worker("barn")
worker("shed")
builder("b", steps = [shell("true"), shell("true")])
worker("void")
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
    shed.say(ToMaster::Accepted { claim, attempt }).await;
    assert_eq!(shed.hear().await, ToWorker::Drop { attempt });

    barn.say(ToMaster::Accepted { claim, attempt }).await;
    assert_eq!(barn.step().await, (attempt, 1));
    shed.say(ToMaster::Accepted { claim, attempt }).await;
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
    steading_wire::command::Command::Pause { worker, why: Default::default() }
}

#[tokio::test]
async fn a_worker_that_lives_is_not_offline_whoever_said_so() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    // The end of a session before it, recorded late.
    world.store.write("test", |w| w.worker_lost("barn")).await.expect("recorded");
    barn.say(ToMaster::Heartbeat { held: vec![] }).await;
    world.until(|r| Ok(r.worker("barn")?.filter(|w| w.state == WorkerState::Ready))).await;
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
    barn.say(ToMaster::Heartbeat { held: vec![] }).await;
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
    barn.say(ToMaster::Heartbeat { held: vec![] }).await;
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
