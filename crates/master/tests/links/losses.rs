//! Builds whose worker goes away, comes back, is wedged or stays silent; and what is cancelled.

use std::time::Duration;

use steading_core::words::{BuildState, Outcome, RequestId, RequestState, SourceStamp, noun};
use steading_store::{NewBuildset, NewRequest, Write};
use steading_wire::command::{Command, Pausable};
use steading_wire::rest::Why;
use steading_wire::worker::{Attempt, Ending, ToMaster, ToWorker};

use crate::world::{Link, World, welcome};

const FARM: &str = r#"
worker("barn", grace = "5m")
worker("shed")
builder("b", steps = [shell("true"), shell("cleanup", always = True)])
builder("deploy", steps = [shell("true")], rerun = "never")
builder("once", steps = [shell("true")], retries = 1)
worker("void")
builder("nothing", steps = [shell("true")], workers = ["void"])
"#;

const GREEN: Ending = Ending::Exited { code: 0 };

impl World {
    /// Waits until an attempt's build is in a state.
    pub(crate) async fn state(
        &self,
        attempt: Attempt,
        state: BuildState,
    ) -> steading_core::words::Build {
        self.until(move |r| Ok(r.build_of(attempt)?.filter(|build| build.state == state))).await
    }

    pub(crate) async fn cancel(&self, request: RequestId) {
        self.ask(Command::CancelRequest { request, why: Why::default() }).await;
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A build on `barn`, which then goes away for longer than its grace; `shed` waits to be asked.
async fn lost(builder: &str) -> (World, Attempt) {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    world.force(builder).await;
    let attempt = barn.begin().await;
    drop(barn);
    world.until(|r| Ok(r.worker("barn")?.and_then(|worker| worker.lost_at))).await;
    world.pass(seconds(299)).await;
    world.state(attempt, BuildState::Running).await;
    world.pass(seconds(2)).await;
    world.state(attempt, BuildState::Lost).await;
    (world, attempt)
}

#[tokio::test]
async fn a_worker_that_is_back_in_time_goes_on_and_nobody_is_charged() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    world.force("b").await;
    let attempt = barn.begin().await;
    drop(barn);
    world.until(|r| Ok(r.worker("barn")?.and_then(|worker| worker.lost_at))).await;
    world.pass(seconds(240)).await;
    let mut barn = world.connect("barn", vec![attempt]).await;
    assert_eq!(barn.step().await, (attempt, 1));
    let worker = world.until(|r| r.worker("barn")).await;
    assert_eq!((worker.failures, worker.quarantine), (0, None));
    assert!(world.until(move |r| Ok(Some(r.causes_of(attempt.request)?))).await.is_empty());
}

#[tokio::test]
async fn a_worker_that_comes_back_while_the_retry_waits_goes_on() {
    let (world, attempt) = lost("b").await;
    let mut barn = world.connect("barn", vec![attempt]).await;
    assert_eq!(barn.step().await, (attempt, 1));
    barn.done(attempt, 1, GREEN).await;
    assert_eq!(barn.step().await, (attempt, 2));
    barn.done(attempt, 2, GREEN).await;
    assert_eq!(barn.hear().await, ToWorker::Finish { attempt });
    barn.say(ToMaster::Gathered { attempt }).await;
    assert_eq!(barn.hear().await, ToWorker::Drop { attempt });
    let build = world.state(attempt, BuildState::Finished).await;
    assert_eq!(build.outcome, Some(Outcome::Success));
}

#[tokio::test]
async fn a_worker_that_comes_back_while_the_retry_is_offered_goes_on_and_the_offer_is_withdrawn() {
    let (world, attempt) = lost("b").await;
    let mut shed = world.connect("shed", vec![]).await;
    world.pass(seconds(60)).await;
    let (claim, retry) = shed.offer().await;
    assert_eq!(retry.request, attempt.request);
    let mut barn = world.connect("barn", vec![attempt]).await;
    assert_eq!(shed.hear().await, ToWorker::Drop { attempt: retry });
    assert_eq!(barn.step().await, (attempt, 1));
    // An acceptance that was on its way is answered with a drop.
    shed.say(ToMaster::Accepted { number: 0, claim, attempt: retry }).await;
    assert_eq!(shed.hear().await, ToWorker::Drop { attempt: retry });
    world.state(attempt, BuildState::Running).await;
}

#[tokio::test]
async fn once_the_retry_is_accepted_the_old_build_is_dropped() {
    let (world, attempt) = lost("b").await;
    let mut shed = world.connect("shed", vec![]).await;
    world.pass(seconds(60)).await;
    let retry = shed.begin().await;
    assert_eq!((retry.request, retry.epoch), (attempt.request, attempt.epoch + 1));
    let old = world.state(attempt, BuildState::Finished).await;
    assert_eq!(old.outcome, Some(Outcome::Retry));
    let mut barn = world.dial(&world.token("barn").await).await.expect("it dials");
    let hello = steading_wire::worker::Hello { held: vec![attempt], ..crate::world::hello("barn") };
    barn.say(ToMaster::Hello(hello)).await;
    assert_eq!(barn.hear().await, welcome(1, vec![attempt]));
    world.state(retry, BuildState::Running).await;
}

#[tokio::test]
async fn a_worker_that_comes_back_without_its_lost_build_ends_it() {
    let (world, attempt) = lost("deploy").await;
    let request = attempt.request;
    let held = world.until(move |r| r.request(request)).await;
    assert_eq!(held.state, RequestState::Claimed, "it is not run again");
    let _barn = world.connect("barn", vec![]).await;
    let build = world.state(attempt, BuildState::Finished).await;
    assert_eq!(build.outcome, Some(Outcome::Exception));
    let reason = build.outcome_reason.expect("it says why");
    assert!(reason.text.contains("rerun = \"never\""), "{reason}");
    let ended = world.until(move |r| r.request(request)).await;
    assert_eq!(ended.outcome, Some(Outcome::Exception));
}

#[tokio::test]
async fn an_operator_releases_a_build_that_may_not_be_rerun() {
    let (world, attempt) = lost("deploy").await;
    world.cancel(attempt.request).await;
    let build = world.state(attempt, BuildState::Finished).await;
    assert_eq!(build.outcome, Some(Outcome::Cancelled));
}

#[tokio::test]
async fn a_builder_says_how_often_it_is_tried() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("once").await;
    let attempt = barn.begin().await;
    barn.say(ToMaster::Heartbeat { number: 0, held: vec![], machine: None }).await;
    world.state(attempt, BuildState::Finished).await;
    let ended = world.until(move |r| r.request(request)).await;
    assert_eq!(ended.outcome, Some(Outcome::Exception));
}

#[tokio::test]
async fn a_cancelled_build_ends_though_its_worker_does_nothing() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    let attempt = barn.begin().await;
    world.cancel(request).await;
    assert_eq!(barn.hear().await, ToWorker::Halt { attempt });
    assert_eq!(barn.hear().await, ToWorker::Cancel { attempt });
    // The worker is there and wedged. One `always` step: 20 s and a minute.
    world.pass(seconds(79)).await;
    world.state(attempt, BuildState::Cancelling).await;
    world.pass(seconds(2)).await;
    let build = world.state(attempt, BuildState::Finished).await;
    assert_eq!(build.outcome, Some(Outcome::Cancelled));
    assert_eq!(barn.hear().await, ToWorker::Drop { attempt });
}

#[tokio::test]
async fn a_cancelled_build_ends_though_its_worker_is_away() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    let attempt = barn.begin().await;
    drop(barn);
    world.until(|r| Ok(r.worker("barn")?.and_then(|worker| worker.lost_at))).await;
    world.cancel(request).await;
    world.pass(seconds(81)).await;
    let build = world.state(attempt, BuildState::Finished).await;
    assert_eq!(build.outcome, Some(Outcome::Cancelled));
}

#[tokio::test]
async fn a_cancel_does_not_wait_for_bytes() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    let attempt = barn.begin().await;
    barn.done(attempt, 1, GREEN).await;
    assert_eq!(barn.step().await, (attempt, 2));
    barn.done(attempt, 2, GREEN).await;
    assert_eq!(barn.hear().await, ToWorker::Finish { attempt });
    world.cancel(request).await;
    let build = world.state(attempt, BuildState::Finished).await;
    assert_eq!(build.outcome, Some(Outcome::Cancelled));
    assert_eq!(barn.hear().await, ToWorker::Drop { attempt });
}

#[tokio::test]
async fn a_step_that_never_reports_is_given_up() {
    let world =
        World::start(&FARM.replace("shell(\"true\"), ", "shell(\"x\", timeout = \"10m\"), ")).await;
    let mut barn = world.connect("barn", vec![]).await;
    world.force("b").await;
    let attempt = barn.begin().await;
    world.pass(seconds(689)).await;
    world.state(attempt, BuildState::Running).await;
    world.pass(seconds(2)).await;
    let build = world.state(attempt, BuildState::Finished).await;
    assert_eq!(build.outcome_reason.map(|reason| reason.code).as_deref(), Some("overdue"));
    assert_eq!(barn.hear().await, ToWorker::Drop { attempt });
}

/// A worker that answers no heartbeat and closes nothing: noticed by the real clock.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how soon it is noticed is what is promised")]
async fn a_frozen_worker_is_noticed_within_15_seconds() {
    let world = World::start(FARM).await;
    let _barn = world.connect("barn", vec![]).await;
    let began = std::time::Instant::now();
    world.until(|r| Ok(r.worker("barn")?.and_then(|worker| worker.lost_at))).await;
    assert!(began.elapsed() < seconds(15), "{:?}", began.elapsed());
}

const BRANCHES: &str = r#"
repo = git("repo", branches = ["*"])
worker("barn")
worker("void")
builder("a", steps = [checkout(repo)])
builder("b", steps = [checkout(repo)])
on_change(repo, builders = ["a", "b"], cancel_superseded = True, fail_fast = True, name = "every")
builder("nothing", steps = [shell("true")], workers = ["void"])
"#;

impl World {
    /// Submits what `on_change` would for a revision; gives its requests.
    async fn submitted(&self, branch: &'static str, revision: char) -> Vec<RequestId> {
        let submit = move |w: &mut Write<'_>| {
            let request = |builder: &str| NewRequest {
                builder: builder.to_owned(),
                priority: 0,
                properties: Default::default(),
                pinned_worker: None,
                start_within: None,
            };
            let stamp = SourceStamp {
                repository: "repo".to_owned(),
                branch: branch.to_owned(),
                revision: String::from(revision).repeat(40),
            };
            let configuration_id = w.current_configuration()?.expect("one is in force");
            let submitted = w.submit_buildset(&NewBuildset {
                reason: "a change".to_owned(),
                scheduler: Some("every".to_owned()),
                owner: None,
                stamps: vec![stamp],
                changes: vec![],
                configuration_id,
                requests: ["a", "b"].map(request).into(),
                fail_fast: true,
            })?;
            Ok(submitted.requests)
        };
        self.store.write("test", submit).await.expect("submitted")
    }

    /// How a request ended, and why.
    async fn outcome(&self, request: RequestId) -> (Outcome, String) {
        let noun = noun("request").expect("the table has requests");
        let ended = self.until(move |r| {
            let outcome = r.request(request)?.and_then(|it| it.outcome);
            Ok(outcome.zip(r.one(noun, request.0)?))
        });
        let (outcome, row) = ended.await;
        (outcome, format!("{:?}", row.get("outcome_reason")))
    }

    async fn is_alive(&self, request: RequestId) -> bool {
        self.until(move |r| r.request(request)).await.state != RequestState::Complete
    }
}

/// Takes an offer and the checkout that follows.
async fn begin_checkout(link: &mut Link) -> Attempt {
    let (claim, attempt) = link.offer().await;
    link.say(ToMaster::Accepted { number: 0, claim, attempt }).await;
    let run = link.hear().await;
    assert!(matches!(run, ToWorker::Run { number: 1, .. }), "{run:?}");
    attempt
}

#[tokio::test]
async fn a_newer_revision_cancels_what_is_left_of_the_older_ones() {
    let world = World::start(BRANCHES).await;
    let old = world.submitted("main", 'a').await;
    let other = world.submitted("topic", 'b').await;
    let new = world.submitted("main", 'c').await;
    for request in old {
        let (outcome, why) = world.outcome(request).await;
        assert_eq!(outcome, Outcome::Cancelled);
        assert!(why.contains("superseded by cccccccccc, a newer revision of main"), "{why}");
    }
    for request in other.into_iter().chain(new) {
        assert!(world.is_alive(request).await);
    }
}

#[tokio::test]
async fn the_first_failure_cancels_the_rest_of_its_buildset() {
    let world = World::start(BRANCHES).await;
    let what = Pausable::Builder("b".to_owned());
    world.ask(Command::Pause { what, why: Why::default() }).await;
    let requests = world.submitted("main", 'a').await;
    let other = world.submitted("topic", 'b').await;
    let mut barn = world.connect("barn", vec![]).await;
    let attempt = begin_checkout(&mut barn).await;
    assert_eq!(attempt.request, requests[0]);
    barn.done(attempt, 1, Ending::NoSuchRevision { text: "it is gone".to_owned() }).await;
    assert_eq!(barn.hear().await, ToWorker::Finish { attempt });
    barn.say(ToMaster::Gathered { attempt }).await;
    assert_eq!(world.outcome(requests[0]).await.0, Outcome::Failure);
    let (outcome, why) = world.outcome(requests[1]).await;
    assert_eq!(outcome, Outcome::Cancelled);
    assert!(why.contains("a of the same buildset ended with failure"), "{why}");
    assert!(world.is_alive(other[1]).await);
}
