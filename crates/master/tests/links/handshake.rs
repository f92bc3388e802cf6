//! Who may be a worker: the control link of a real master, dialled over a real socket.

use steading_core::words::{Attempt, RequestId, WorkerState};
use steading_master::Stop;
use steading_wire::worker::{Hello, PROTOCOL_OLDEST, ToMaster, ToWorker};

use crate::world::{World, hello, welcome};

const FARM: &str = "worker(\"barn\", slots = 3)\nbuilder(\"b\", steps = [shell(\"true\")])\n";

impl World {
    /// Dials with a token; gives the answer to a hello, or the status that refused the dial.
    async fn hello(&self, token: &str, hello: Hello) -> Result<ToWorker, u16> {
        let mut link = self.dial(token).await?;
        link.say(ToMaster::Hello(hello)).await;
        Ok(link.hear().await)
    }
}

fn check_rejected(answer: Result<ToWorker, u16>, code: &str, words: &[&str]) {
    let Ok(ToWorker::Rejected { code: given, text }) = answer else { panic!("{answer:?}") };
    assert_eq!(given, code);
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

#[tokio::test]
async fn a_declared_worker_with_its_token_is_welcome() {
    let world = World::start(FARM).await;
    let stranger = Attempt { request: RequestId(7), epoch: 1 };
    let said = Hello { held: vec![stranger], ..hello("barn") };
    let answer = world.hello(&world.token("barn").await, said).await;
    assert_eq!(answer, Ok(welcome(3, vec![stranger])));
    world.master.stop(Stop::Cancel).await.expect("it stops");
}

#[tokio::test]
async fn a_wrong_token_is_refused_before_anything_is_said() {
    let world = World::start(FARM).await;
    assert_eq!(world.hello("nonsense", hello("barn")).await, Err(401));
    let owner = world.master.owner_token().await.expect("a token");
    assert_eq!(world.hello(&owner, hello("barn")).await, Err(401), "an admin is no worker");
}

#[tokio::test]
async fn another_protocol_is_named_with_what_to_do() {
    let world = World::start(FARM).await;
    let said = Hello { protocol: 99, ..hello("barn") };
    let answer = world.hello(&world.token("barn").await, said).await;
    check_rejected(
        answer,
        "protocol",
        &["`barn`", "protocol 99", "speaks 2 to 3", "install the same"],
    );
}

#[tokio::test]
async fn the_protocol_before_is_served() {
    let world = World::start(FARM).await;
    let said = Hello { protocol: PROTOCOL_OLDEST, instance: None, ..hello("barn") };
    let answer = world.hello(&world.token("barn").await, said).await;
    assert_eq!(answer, Ok(welcome(3, vec![])));
    world.master.stop(Stop::Cancel).await.expect("it stops");
}

#[tokio::test]
async fn two_machines_under_one_name_are_one_too_many() {
    let world = World::start(FARM).await;
    let mut first = world.connect("barn", vec![]).await;
    let said = Hello { instance: Some("two".to_owned()), ..hello("barn") };
    let answer = world.hello(&world.token("barn").await, said.clone()).await;
    check_rejected(answer, "taken", &["connected as worker `barn`", "name of its own"]);
    // The same machine's next daemon takes over at once.
    let again = world.connect("barn", vec![]).await;
    assert_eq!(first.hear().await, ToWorker::Restarting);
    drop((first, again));
    world.until(|r| Ok(r.worker("barn")?.filter(|w| w.state == WorkerState::Offline))).await;
    let answer = world.hello(&world.token("barn").await, said).await;
    assert!(matches!(answer, Ok(ToWorker::Welcome { .. })), "{answer:?}");
    world.master.stop(Stop::Cancel).await.expect("it stops");
}

#[tokio::test]
async fn a_name_must_be_the_tokens_and_the_farms() {
    let world = World::start(FARM).await;
    let answer = world.hello(&world.token("barn").await, hello("shed")).await;
    check_rejected(answer, "name", &["`shed`", "steading token worker shed"]);
    let answer = world.hello(&world.token("shed").await, hello("shed")).await;
    check_rejected(answer, "name", &["declares no worker `shed`", "farm.star"]);
}

#[tokio::test]
async fn a_name_that_matches_is_still_a_name() {
    let world = World::start("workers(\"linux-*\")\n").await;
    for name in
        ["linux-\u{1b}[2J", "linux-7\nroot", "linux-<b>", &format!("linux-{}", "x".repeat(100))]
    {
        let answer = world.hello(&world.token("linux-*").await, hello(name)).await;
        check_rejected(answer, "name", &["at most 100"]);
    }
    let answer = world.hello(&world.token("linux-*").await, hello("linux-7")).await;
    assert!(matches!(answer, Ok(ToWorker::Welcome { .. })), "{answer:?}");
}
