//! What a worker says of its machine while it is connected.

use std::collections::BTreeMap;

use steading_core::words::{Reason, Seq};
use steading_store::{Error, Read};
use steading_wire::command::{Answer, Command};
use steading_wire::worker::{Attempt, Ending, Hello, Machine, PROTOCOL_OLDEST, ToMaster, ToWorker};

use crate::world::{World, hello};

const FARM: &str = r#"
worker("barn", slots = 2)
builder("b", steps = [shell("one"), shell("two", when = lambda build: True)])
"#;

fn beat(number: u64, held: &[Attempt], free_mib: u64, full: bool) -> ToMaster {
    let facts = BTreeMap::from([("disk_free_mib".to_owned(), free_mib.to_string())]);
    let text = format!("its disk is nearly full: {free_mib} MiB left");
    let troubles = full.then(|| Reason::new("disk_full", text)).into_iter().collect();
    let machine = Some(Box::new(Machine { facts, troubles }));
    ToMaster::Heartbeat { number, held: held.to_vec(), machine }
}

fn troubles(r: &Read<'_>) -> Result<Vec<String>, Error> {
    let barn = r.worker("barn")?.expect("known");
    Ok(barn.troubles.into_iter().map(|trouble| trouble.text).collect())
}

fn observed(r: &Read<'_>, kind: &str) -> Result<usize, Error> {
    let events = r.events(Seq(0), 1000)?;
    Ok(events.iter().filter(|event| event.kind == kind).count())
}

/// It fills under a build, which goes on; nothing else begins there until there is room.
#[tokio::test]
async fn a_disk_that_fills_holds_the_worker_back_until_there_is_room() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    world.force("b").await;
    let attempt = barn.begin().await;
    barn.say(beat(2, &[attempt], 3, true)).await;
    let full =
        |r: &Read<'_>| Ok((troubles(r)? == ["its disk is nearly full: 3 MiB left"]).then_some(()));
    world.until(full).await;
    let waits = world.force("b").await;
    let told = match world.ask(Command::Explain { request: waits }).await {
        Answer::Explanation(told) => told,
        other => panic!("{other:?}"),
    };
    let text = "It is number 1 of 1 in the queue and waits for a worker: `barn`: its disk is nearly \
                full: 3 MiB left.";
    assert_eq!(told.summary, text);
    // The build goes on, and there is a free slot all the time.
    barn.done(attempt, 1, Ending::Exited { code: 0 }).await;
    assert_eq!(barn.step().await, (attempt, 2));
    barn.say(beat(3, &[attempt], 9000, false)).await;
    let (_, next) = barn.offer().await;
    assert_eq!(next.request, waits);
}

/// Said twice, said late, said with nothing new: each change is one event.
#[tokio::test]
async fn what_is_said_of_a_machine_is_written_when_it_changed() {
    let world = World::start(FARM).await;
    let mut barn = world.connect("barn", vec![]).await;
    let full =
        |wanted: bool| move |r: &Read<'_>| Ok((troubles(r)?.is_empty() != wanted).then_some(()));
    barn.say(beat(1, &[], 3, true)).await;
    barn.say(beat(1, &[], 3, true)).await;
    world.until(full(true)).await;
    barn.say(beat(3, &[], 9000, false)).await;
    world.until(full(false)).await;
    // Overtaken by what was said after it.
    barn.say(beat(2, &[], 2, true)).await;
    barn.say(beat(4, &[], 8000, false)).await;
    let seen = |r: &Read<'_>| Ok((observed(r, "worker.observed")? == 3).then_some(()));
    world.until(seen).await;
    let told = world.store.read(|r| Ok((observed(r, "worker.troubled")?, troubles(r)?))).await;
    assert_eq!(told.expect("read"), (2, vec![]));
    world.force("b").await;
    barn.begin().await;
}

/// A hello says how it is; one of an older protocol says nothing, and is believed.
#[tokio::test]
async fn a_session_begins_with_how_it_is() {
    let world = World::start(FARM).await;
    let said = |full: bool, protocol| {
        let trouble = Reason::new("disk_full", "its disk is nearly full");
        let troubles = full.then_some(trouble).into_iter().collect();
        ToMaster::Hello(Hello { troubles, protocol, ..hello("barn") })
    };
    let newest = hello("barn").protocol;
    let held =
        |wanted: bool| move |r: &Read<'_>| Ok((troubles(r)?.is_empty() != wanted).then_some(()));
    for (full, protocol) in
        [(true, newest), (false, newest), (true, newest), (false, PROTOCOL_OLDEST)]
    {
        let mut barn = world.dial(&world.token("barn").await).await.expect("answered");
        barn.say(said(full, protocol)).await;
        assert!(matches!(barn.hear().await, ToWorker::Welcome { .. }));
        world.until(held(full)).await;
        if !full {
            world.force("b").await;
            barn.offer().await;
        }
    }
}
