//! Links that break, messages that come twice, and what is said again.

use std::time::Duration;

use libtest_mimic::Trial;
use steading_wire::worker::{Attempt, BuildId, ClaimId, ToMaster, ToWorker};

use crate::harness::{Farm, assert_exit, attempt, file, runs, shell, test, until, write_address};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("links::a_build_goes_on_while_the_master_is_away", a_build_goes_on),
        test("links::a_report_is_said_again_until_it_is_heard", a_report_is_said_again),
        test("links::messages_may_come_twice", messages_may_come_twice),
        test("links::offers_beyond_the_slots_are_refused", offers_beyond_the_slots_are_refused),
        test("links::a_dropped_attempt_is_gone", a_dropped_attempt_is_gone),
        test("links::an_attempt_is_gathered_when_its_bytes_are_safe", gathered_when_safe),
    ]
}

async fn hello(farm: &Farm) -> Vec<Attempt> {
    farm.master
        .hear("a hello", |m| match m {
            ToMaster::Hello(hello) => Some(hello.held.clone()),
            _ => None,
        })
        .await
}

async fn a_build_goes_on() {
    let mut farm = Farm::start().await;
    hello(&farm).await;
    farm.accept(attempt(1), "hello").await;
    let script = "echo before; echo x > here; while [ ! -e go ]; do sleep 0.01; done; echo after";
    farm.begin(attempt(1), 1, shell(script)).await;
    file(&farm.workspace("hello").join("here")).await;
    farm.master.stop();
    std::fs::write(farm.workspace("hello").join("go"), "").expect("written");
    // The farm comes back at another port; the file says which.
    farm.master = farm.master.restart().await;
    write_address(farm.dir.path(), &farm.master);
    assert_eq!(hello(&farm).await, [attempt(1)]);
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    assert_eq!(farm.text("stdout").await, "before\nafter\n");
    farm.end().await;
}

async fn a_report_is_said_again() {
    let farm = Farm::start().await;
    hello(&farm).await;
    let first = farm.build(shell("exit 5")).await;
    for _ in 0..2 {
        farm.master.cut_links();
        assert_eq!(hello(&farm).await, [attempt(1)]);
        assert_eq!(farm.report(attempt(1), 1).await, first);
    }
    farm.end().await;
}

async fn messages_may_come_twice() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    farm.accept(attempt(1), "hello").await;
    let count = shell("echo x >> runs; while [ ! -e go ]; do sleep 0.01; done");
    farm.begin(attempt(1), 1, count.clone()).await;
    farm.begin(attempt(1), 1, count.clone()).await;
    file(&farm.workspace("hello").join("runs")).await;
    std::fs::write(farm.workspace("hello").join("go"), "").expect("written");
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    assert_exit(&farm.step(attempt(1), 1, count).await, 0);
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    assert_eq!(file(&farm.workspace("hello").join("runs")).await, "x\n");
    farm.end().await;
}

async fn offers_beyond_the_slots_are_refused() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    farm.accept(attempt(2), "hello").await;
    let offer = |n: i64| ToWorker::Offer {
        claim: ClaimId(n),
        attempt: attempt(n),
        builder: "hello".into(),
    };
    farm.master.say(offer(3)).await;
    let code = farm
        .master
        .hear("a refusal", |m| match m {
            ToMaster::Refused { claim: ClaimId(3), reason } => Some(reason.code.clone()),
            _ => None,
        })
        .await;
    assert_eq!(code, "no_slot");
    // A slot is free when no more steps come, and the lowest free workspace is used again.
    farm.master.say(ToWorker::Finish { attempt: attempt(1) }).await;
    farm.accept(attempt(3), "hello").await;
    farm.begin(attempt(3), 1, shell("pwd > where; cat where")).await;
    assert!(file(&farm.workspace("hello").join("where")).await.ends_with("hello-1\n"));
    farm.end().await;
}

async fn a_dropped_attempt_is_gone() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    farm.begin(attempt(1), 1, shell("echo $$ > pid; yes | head -c 1000000; sleep 1000")).await;
    let pid = file(&farm.workspace("hello").join("pid")).await;
    farm.master.say(ToWorker::Drop { attempt: attempt(1) }).await;
    until("its death", || (!runs(&pid)).then_some(())).await;
    farm.spool_is_empty().await;
    farm.master
        .hear("a heartbeat", |m| {
            matches!(m, ToMaster::Heartbeat { held, .. } if held.is_empty()).then_some(())
        })
        .await;
    let said = |m: &ToMaster| matches!(m, ToMaster::StepDone { .. } | ToMaster::Gathered { .. });
    assert!(!farm.master.seen().messages.iter().any(said));
    farm.end().await;
}

async fn gathered_when_safe() {
    let farm = Farm::start().await;
    hello(&farm).await;
    assert_exit(&farm.build(shell("echo hi")).await, 0);
    farm.master.say(ToWorker::Finish { attempt: attempt(1) }).await;
    let gathered = ToMaster::Gathered { attempt: attempt(1) };
    farm.master.hear("gathered", |m| (*m == gathered).then_some(())).await;
    assert!(farm.master.seen().logs.values().all(|log| log.closed.is_some()));
    // Said again until the master lets go of it.
    farm.master.cut_links();
    assert_eq!(hello(&farm).await, [attempt(1)]);
    farm.master.hear("gathered again", |m| (*m == gathered).then_some(())).await;
    farm.master.say(ToWorker::Drop { attempt: attempt(1) }).await;
    farm.master
        .hear("a heartbeat", |m| {
            matches!(m, ToMaster::Heartbeat { held, .. } if held.is_empty()).then_some(())
        })
        .await;
    // A late message about it changes nothing.
    let build = BuildId(1);
    let (primitive, then) = (shell("true"), Vec::new());
    let run = ToWorker::Run { attempt: attempt(1), build, number: 2, primitive, then };
    farm.master.say(run).await;
    farm.accept(attempt(2), "hello").await;
    tokio::time::timeout(Duration::from_secs(30), farm.end()).await.expect("a quick end");
}
