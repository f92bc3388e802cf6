//! Commands: what is answered, the first time and again.

use steading_core::farm::Farm;
use steading_store::{ConfigurationText, NewBuildset, NewRequest, Write};
use steading_wire::command::{Answer, Command};
use steading_wire::problem::Code;
use steading_wire::rest::{Force, NewToken, Scope};

use crate::world::World;

#[tokio::test]
async fn a_key_gets_the_same_answer_also_when_it_was_no() {
    let farm = r#"
repo = git("gone/for/good")
worker("barn")
builder("b", steps = [checkout(repo)])
"#;
    let world = World::start(farm).await;
    let ask = async || {
        let command = Command::Force { builder: "b".to_owned(), force: Force::default() };
        world.master.commands().ask(command, "ann".to_owned(), Some("key".to_owned())).await
    };
    let first = ask().await.expect_err("there is no such repository");
    assert_eq!(first.code, Code::Unresolved);
    assert_eq!(ask().await, Err(first));
}

#[tokio::test]
async fn a_step_that_no_message_could_carry_fails_by_itself() {
    let farm = r#"
worker("barn")
builder("b", steps = [shell(["echo"] + [prop("long")] * 20)])
"#;
    let world = World::start(farm).await;
    let mut barn = world.connect("barn", vec![]).await;
    let properties = [("long".to_owned(), "x".repeat(100_000))].into();
    let force = Force { properties, ..Force::default() };
    world.ask(Command::Force { builder: "b".to_owned(), force }).await;
    let (claim, attempt) = barn.offer().await;
    barn.say(steading_wire::worker::ToMaster::Accepted { number: 0, claim, attempt }).await;
    assert_eq!(barn.hear().await, steading_wire::worker::ToWorker::Finish { attempt });
    let step = world
        .until(move |r| {
            let build = r.build_of(attempt)?.expect("accepted");
            Ok(r.steps(build.id)?.into_iter().next())
        })
        .await;
    let reason = step.outcome_reason.expect("it says why");
    assert!(reason.text.contains("pass long values in a file"), "{reason}");
}

#[tokio::test]
async fn a_token_may_be_valid_for_ever_and_a_day() {
    let world = World::start("worker(\"barn\")\n").await;
    let (name, scope) = ("mine".to_owned(), Scope::Read);
    let new = NewToken { name, scope, worker: None, valid_s: Some(i64::MAX) };
    let answer = world.ask(Command::NewToken(new)).await;
    assert!(matches!(answer, Answer::Token(_)), "{answer:?}");
}

#[tokio::test]
async fn a_request_of_a_broken_configuration_stops_nobody_else() {
    let farm = "worker(\"barn\")\nbuilder(\"b\", steps = [shell(\"true\")])\n";
    let world = World::start(farm).await;
    let files = [("farm.star".to_owned(), "this is no longer understood".to_owned())];
    let old = ConfigurationText {
        hash: "old".to_owned(),
        evaluator: "old".to_owned(),
        files: files.into(),
    };
    let submit = move |w: &mut Write<'_>| {
        let configuration_id = w.apply_configuration(&old, &Farm::default())?;
        let request = NewRequest {
            builder: "b".to_owned(),
            priority: 9,
            properties: Default::default(),
            pinned_worker: None,
            start_within: None,
        };
        w.submit_buildset(&NewBuildset {
            fail_fast: false,
            reason: "asked long ago".to_owned(),
            scheduler: None,
            owner: None,
            stamps: vec![],
            changes: vec![],
            configuration_id,
            requests: vec![request],
        })
    };
    let submitted = world.store.write("test", submit).await.expect("submitted");
    world.reload(farm).await;
    let mut barn = world.connect("barn", vec![]).await;
    let good = world.force("b").await;
    assert_eq!(barn.begin().await.request, good);
    let answer = world.ask(Command::Explain { request: submitted.requests[0] }).await;
    let Answer::Explanation(why) = answer else { panic!("{answer:?}") };
    assert_eq!(why.verdict, "never");
    assert!(why.summary.contains("cancel it and ask again"), "{}", why.summary);
}
