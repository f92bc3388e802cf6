//! How a worker ends, and that nothing of it remains.

use std::time::Duration;

use libtest_mimic::Trial;
use steading_wire::worker::{ClaimId, ToMaster, ToWorker};

use crate::harness::{Farm, assert_exit, attempt, file, runs, shell, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("stopping::an_idle_worker_stops_at_once", an_idle_worker_stops_at_once),
        test("stopping::a_busy_worker_stops_when_its_builds_are_gone", a_busy_worker_stops),
        test("stopping::a_worker_that_is_ended_leaves_nothing", an_ended_worker_leaves_nothing),
        test("stopping::an_orphan_ends_itself", an_orphan_ends_itself),
    ]
}

async fn stopping(farm: &Farm) {
    farm.master.hear("stopping", |m| (*m == ToMaster::Stopping).then_some(())).await;
}

async fn an_idle_worker_stops_at_once() {
    let farm = Farm::start().await;
    farm.master.say(ToWorker::Stop).await;
    stopping(&farm).await;
    farm.worker.await.expect("no panic").expect("a clean end");
}

async fn a_busy_worker_stops() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let wait = shell("while [ ! -e go ]; do sleep 0.01; done");
    farm.begin(attempt(1), 1, wait).await;
    farm.master.say(ToWorker::Stop).await;
    stopping(&farm).await;
    let (claim, builder) = (ClaimId(2), "hello".to_owned());
    farm.master.say(ToWorker::Offer { claim, attempt: attempt(2), builder }).await;
    let code = farm
        .master
        .hear("a refusal", |m| match m {
            ToMaster::Refused { reason, .. } => Some(reason.code.clone()),
            _ => None,
        })
        .await;
    assert_eq!(code, "stopping");
    std::fs::write(farm.workspace("hello").join("go"), "").expect("written");
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    farm.master.say(ToWorker::Finish { attempt: attempt(1) }).await;
    farm.master.hear("gathered", |m| matches!(m, ToMaster::Gathered { .. }).then_some(())).await;
    farm.worker.await.expect("no panic").expect("a clean end");
}

async fn an_ended_worker_leaves_nothing() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    farm.begin(attempt(1), 1, shell("setsid sleep 1000 & echo $! > pid; wait")).await;
    let pid = file(&farm.workspace("hello").join("pid")).await;
    farm.shutdown.end.cancel();
    farm.worker.await.expect("no panic").expect("a clean end");
    assert!(!runs(&pid));
    let said = |m: &ToMaster| matches!(m, ToMaster::StepDone { .. });
    assert!(!farm.master.seen().messages.iter().any(said), "a verdict nobody may give");
}

async fn an_orphan_ends_itself() {
    let farm = Farm::start_with(|o| o.orphan_limit = Some(Duration::from_millis(300))).await;
    farm.accept(attempt(1), "hello").await;
    let script = "echo x > here; while [ ! -e go ]; do sleep 0.01; done; sleep 0.5; echo x > there";
    farm.begin(attempt(1), 1, shell(script)).await;
    file(&farm.workspace("hello").join("here")).await;
    farm.master.stop();
    std::fs::write(farm.workspace("hello").join("go"), "").expect("written");
    farm.worker.await.expect("no panic").expect("a clean end");
    // What ran when the master went was run to its end.
    assert!(farm.dir.path().join("worker/work/hello-1/there").exists());
}
