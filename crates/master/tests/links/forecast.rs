//! When a waiting request starts, asked at the door.

use std::time::Duration;

use steading_core::words::{Attempt, BuildState, RequestId};
use steading_wire::command::{Answer, Command};
use steading_wire::rest::{Explanation, StartsIn};
use steading_wire::worker::{Ending, ToMaster, ToWorker};

use crate::world::{Link, World};

const FARM: &str = r#"
worker("barn")
worker("void")
builder("b", steps = [shell("true")], workers = ["barn"])
builder("nothing", steps = [shell("true")], workers = ["void"])
"#;

/// A build that takes a minute.
async fn build(world: &World, barn: &mut Link) {
    let request = world.force("b").await;
    let attempt = barn.begin().await;
    assert_eq!(attempt.request, request);
    world.pass(Duration::from_secs(60)).await;
    barn.done(attempt, 1, Ending::Exited { code: 0 }).await;
    end(barn, attempt).await;
    let over = world.until(move |r| {
        Ok(r.build_of(attempt)?.filter(|build| build.state == BuildState::Finished))
    });
    over.await;
}

async fn end(barn: &mut Link, attempt: Attempt) {
    assert_eq!(barn.hear().await, ToWorker::Finish { attempt });
    barn.say(ToMaster::Gathered { attempt }).await;
    assert_eq!(barn.hear().await, ToWorker::Drop { attempt });
}

async fn explain(world: &World, request: RequestId) -> Explanation {
    match world.ask(Command::Explain { request }).await {
        Answer::Explanation(explanation) => explanation,
        other => panic!("{other:?}"),
    }
}

fn starts(ms: i64, guess: bool) -> StartsIn {
    StartsIn { p50: ms, p90: ms, p50_or_later: false, p90_or_later: false, guess }
}

#[tokio::test]
async fn history_says_when_a_request_starts_and_what_would_change_that() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    build(&world, &mut barn).await;
    let running = world.force("b").await;
    assert_eq!(barn.begin().await.request, running);
    world.pass(Duration::from_secs(20)).await;
    let (next, last) = (world.force("b").await, world.force("b").await);

    let explained = explain(&world, next).await;
    assert_eq!(explained.starts_in_ms, Some(starts(40_000, false)));
    let tried: Vec<String> = explained.what_if.iter().map(|tried| tried.sentence()).collect();
    let worker = "with one more worker like `barn` it starts right away, 40 s sooner";
    assert_eq!(tried, [worker, "with priority 10: no difference"]);
    assert_eq!(explain(&world, last).await.starts_in_ms, Some(starts(100_000, false)));
    // A build that runs is not waited for.
    let explained = explain(&world, running).await;
    assert_eq!((explained.starts_in_ms, explained.what_if), (None, vec![]));

    let Answer::Queue(queue) = world.ask(Command::Queue { limit: 100 }).await else {
        panic!("no queue")
    };
    let told = |id: RequestId| {
        let item = queue.items.iter().find(|item| item.request_id == id.0).expect("it waits");
        assert!(item.what_if.is_empty());
        item.starts_in_ms
    };
    assert_eq!(told(next), Some(starts(40_000, false)));
    assert_eq!(told(last), Some(starts(100_000, false)));
    // Those of the worker that never came are started by no end of a build.
    let waits = queue.items.iter().filter(|item| item.starts_in_ms.is_none());
    assert_eq!(waits.count(), 2);
}
