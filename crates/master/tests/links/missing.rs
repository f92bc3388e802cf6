//! Workers that stay away for longer than their limit.

use std::time::Duration;

use steading_core::words::WorkerState;

use crate::world::World;

/// How often each worker was said to be missing.
fn missed(r: &steading_store::Read<'_>) -> Result<usize, steading_store::Error> {
    let events = r.events(steading_core::words::Seq(0), 10_000)?;
    Ok(events.iter().filter(|event| event.kind == "worker.missing").count())
}

#[tokio::test]
async fn a_worker_that_stays_away_is_missing_once_until_it_is_back() {
    let world = World::start(
        r#"
worker("barn", missing_after = "5m")
workers("cloud-*")
worker("void", missing_after = "1000d")
builder("nothing", steps = [shell("true")], workers = ["void"])
"#,
    )
    .await;
    drop(world.connect("barn", vec![]).await);
    drop(world.connect("cloud-1", vec![]).await);
    let away = |name: &'static str| {
        world.until(move |r| {
            Ok(r.worker(name)?.filter(|worker| worker.state == WorkerState::Offline).map(drop))
        })
    };
    away("barn").await;
    away("cloud-1").await;
    let missing = |r: &steading_store::Read<'_>| {
        Ok(r.worker("barn")?.and_then(|worker| worker.missing_at).map(drop))
    };
    world.pass(Duration::from_secs(301)).await;
    world.until(missing).await;
    for times in 1..=2 {
        assert_eq!(world.store.read(missed).await.expect("read"), times, "once for each absence");
        let barn = world.connect("barn", vec![]).await;
        world.until(|r| Ok(r.worker("barn")?.filter(|w| w.missing_at.is_none()).map(drop))).await;
        drop(barn);
        away("barn").await;
        world.pass(Duration::from_secs(301)).await;
        world.until(missing).await;
    }
    let cloud = world.store.read(|r| r.worker("cloud-1")).await.expect("read").expect("met");
    assert_eq!(cloud.missing_at, None, "those of a pattern come and go");
}
