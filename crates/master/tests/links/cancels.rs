//! A cancel that meets a worker which runs ahead: history says what truly ran.

use steading_core::words::{Attempt, BuildState, Outcome};
use steading_wire::worker::{Ending, Hello, PROTOCOL_OLDEST, ToMaster, ToWorker};

use crate::world::{Link, World, hello};

const FARM: &str = r#"
worker("barn")
builder("b", steps = [
    shell("true", name = "one"), shell("true", name = "two"), shell("true", name = "three"),
    shell("true", name = "four"), shell("true", name = "clean", always = True),
])
"#;

const GREEN: Ending = Ending::Exited { code: 0 };

impl World {
    /// What history says of each step: its name and outcome, and whether it has logs.
    async fn told(&self, attempt: Attempt) -> Vec<(String, Outcome, bool)> {
        self.state(attempt, BuildState::Finished).await;
        self.until(move |r| {
            let Some(build) = r.build_of(attempt)? else { return Ok(None) };
            let logs = r.logs(build.id)?;
            let told = r.steps(build.id)?.into_iter().map(|step| {
                let logged = logs.iter().any(|log| log.step_id == step.id);
                (step.name, step.outcome.expect("it is over"), logged)
            });
            Ok(Some(told.collect()))
        })
        .await
    }
}

async fn gather(link: &mut Link, attempt: Attempt) {
    assert_eq!(link.hear().await, ToWorker::Finish { attempt });
    link.say(ToMaster::Gathered { attempt }).await;
    assert_eq!(link.hear().await, ToWorker::Drop { attempt });
}

fn expected(steps: &[(&str, Outcome, bool)]) -> Vec<(String, Outcome, bool)> {
    steps.iter().map(|(name, outcome, logged)| ((*name).to_owned(), *outcome, *logged)).collect()
}

#[tokio::test]
async fn steps_that_ran_ahead_of_a_cancel_are_recorded_as_they_went() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    let attempt = barn.begin().await;
    // The first two are over, the third runs; nothing of it was heard when the cancel came.
    world.cancel(request).await;
    assert_eq!(barn.hear().await, ToWorker::Halt { attempt });
    assert_eq!(barn.hear().await, ToWorker::Cancel { attempt });
    barn.say(ToMaster::Halted { attempt, newest: 3 }).await;
    // What was heard by the time it is needed is not asked for again.
    barn.done(attempt, 2, GREEN).await;
    barn.done(attempt, 1, GREEN).await;
    assert_eq!(barn.step().await, (attempt, 3));
    assert_eq!(barn.hear().await, ToWorker::Cancel { attempt });
    barn.done(attempt, 3, Ending::Cancelled).await;
    assert_eq!(barn.step().await, (attempt, 5));
    barn.done(attempt, 5, GREEN).await;
    gather(&mut barn, attempt).await;
    let steps = [
        ("one", Outcome::Success, true),
        ("two", Outcome::Success, true),
        ("three", Outcome::Cancelled, true),
        ("four", Outcome::Skipped, false),
        ("clean", Outcome::Success, true),
    ];
    assert_eq!(world.told(attempt).await, expected(&steps));
}

/// The link is cut before the worker could answer: the next session asks again.
#[tokio::test]
async fn how_far_a_worker_is_outlives_its_session() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let request = world.force("b").await;
    let attempt = barn.begin().await;
    world.cancel(request).await;
    assert_eq!(barn.hear().await, ToWorker::Halt { attempt });
    drop(barn);
    let mut barn = world.connect("barn", vec![attempt]).await;
    assert_eq!(barn.step().await, (attempt, 1));
    assert_eq!(barn.hear().await, ToWorker::Halt { attempt });
    assert_eq!(barn.hear().await, ToWorker::Cancel { attempt });
    barn.done(attempt, 1, GREEN).await;
    assert_eq!(barn.hear().await, ToWorker::Halt { attempt }, "it did not answer yet");
    barn.say(ToMaster::Halted { attempt, newest: 1 }).await;
    assert_eq!(barn.step().await, (attempt, 5));
    barn.done(attempt, 5, GREEN).await;
    gather(&mut barn, attempt).await;
    let skipped = world.told(attempt).await.into_iter().filter(|(_, o, _)| *o == Outcome::Skipped);
    assert_eq!(skipped.count(), 3);
}

/// It is not asked what it does not understand; what it has said by itself is believed.
#[tokio::test]
async fn an_older_worker_is_believed_as_far_as_it_spoke() {
    let world = World::start(FARM).await;
    let mut barn = world.dial(&world.token("barn").await).await.expect("the dial is answered");
    barn.say(ToMaster::Hello(Hello { protocol: PROTOCOL_OLDEST, ..hello("barn") })).await;
    assert!(matches!(barn.hear().await, ToWorker::Welcome { .. }));
    let request = world.force("b").await;
    let attempt = barn.begin().await;
    barn.done(attempt, 2, GREEN).await;
    world.cancel(request).await;
    assert_eq!(barn.hear().await, ToWorker::Cancel { attempt });
    barn.done(attempt, 1, GREEN).await;
    assert_eq!(barn.step().await, (attempt, 5));
    barn.done(attempt, 5, GREEN).await;
    gather(&mut barn, attempt).await;
    let outcomes: Vec<Outcome> = world.told(attempt).await.into_iter().map(|(_, o, _)| o).collect();
    use Outcome::{Skipped, Success};
    assert_eq!(outcomes, [Success, Success, Skipped, Skipped, Success]);
}

/// Ends that came meanwhile are written down together, and each step has its logs and its verdict.
#[tokio::test]
async fn steps_that_ended_meanwhile_are_one_section() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    world.force("b").await;
    let attempt = barn.begin().await;
    for number in [4, 3, 2, 1] {
        barn.done(attempt, number, GREEN).await;
    }
    assert_eq!(barn.step().await, (attempt, 5));
    barn.done(attempt, 5, GREEN).await;
    gather(&mut barn, attempt).await;
    let names = ["one", "two", "three", "four", "clean"];
    let steps = names.map(|name| (name, Outcome::Success, true));
    assert_eq!(world.told(attempt).await, expected(&steps));
    assert_eq!(world.store.stats().sections["step.done"].committed, 2);
    assert_eq!(world.store.read(steading_store::audit::history).await, Ok(vec![]));
}
