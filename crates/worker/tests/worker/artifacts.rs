//! Uploads: what the globs mean, whatever the master does meanwhile, and nothing from outside.

use axum::http::StatusCode;
use libtest_mimic::Trial;
use steading_wire::worker::{Ending, Primitive, Report, ToWorker};

use crate::harness::{Farm, assert_exit, attempt, shell, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("artifacts::files_arrive_by_their_paths", files_arrive_by_their_paths),
        test("artifacts::nothing_from_outside_is_sent", nothing_from_outside_is_sent),
        test("artifacts::a_master_that_is_away_is_waited_for", a_master_away_is_waited_for),
        test("artifacts::unwanted_files_are_not_sent_again", unwanted_files_are_not_sent_again),
        test("artifacts::a_report_is_never_too_long_to_be_said", a_report_is_never_too_long),
        test("artifacts::an_upload_can_be_cancelled", an_upload_can_be_cancelled),
    ]
}

fn upload(paths: &[&str]) -> Primitive {
    Primitive::Upload { paths: paths.iter().map(|p| (*p).to_owned()).collect() }
}

async fn farm(script: &str) -> Farm {
    let farm = Farm::start().await;
    assert_exit(&farm.build(shell(script)).await, 0);
    farm
}

fn missing(report: &Report) -> &str {
    match &report.ending {
        Ending::NoSuchFile { text } => text,
        _ => panic!("{report:#?}"),
    }
}

async fn files_arrive_by_their_paths() {
    let farm = farm(
        "mkdir -p out/deep; echo a > 'out/a b&c.txt'; echo d > out/deep/d.txt
        head -c 3000000 /dev/urandom > big; ln -s big link",
    )
    .await;
    let report = farm.step(attempt(1), 2, upload(&["out/**", "big", "link"])).await;
    assert_exit(&report, 0);
    let seen = farm.master.seen().artifacts.clone();
    let paths: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(paths, ["big", "link", "out/a b&c.txt", "out/deep/d.txt"]);
    assert_eq!(seen["out/deep/d.txt"], b"d\n");
    let big = std::fs::read(farm.workspace("hello").join("big")).expect("written");
    assert!(seen["big"] == big && seen["link"] == big);
    // Half of what is asked for is sent, the other half is named.
    let report = farm.step(attempt(1), 3, upload(&["out/a*", "no/such", "not-*"])).await;
    assert_eq!(missing(&report), "nothing matches `no/such`; nothing matches `not-*`");
    assert!(report.stderr_tail.contains("`no/such`"));
    farm.end().await;
}

async fn nothing_from_outside_is_sent() {
    let farm = farm(
        "ln -s /etc/passwd a; ln -s ../.. up; ln -s /proc/self/root root; mkfifo pipe
        mkdir dir; ln -s /etc dir/etc; ln -s a b",
    )
    .await;
    let cases =
        ["a", "b", "up/lock", "root/etc/passwd", "pipe", "dir/etc/passwd", "dir", "../*", "/etc/*"];
    for (step, path) in (2..).zip(cases) {
        let report = farm.step(attempt(1), step, upload(&[path])).await;
        assert!(!missing(&report).is_empty(), "{path}");
    }
    assert!(farm.master.seen().artifacts.is_empty());
    farm.end().await;
}

async fn a_master_away_is_waited_for() {
    let farm = farm("echo a > a").await;
    farm.master.seen().artifacts_refused = 2;
    assert_exit(&farm.step(attempt(1), 2, upload(&["a"])).await, 0);
    assert_eq!(farm.master.seen().artifacts["a"], b"a\n");
    farm.end().await;
}

async fn unwanted_files_are_not_sent_again() {
    let farm = farm("echo a > a").await;
    farm.master.seen().artifacts_answer = Some(StatusCode::GONE);
    let report = farm.step(attempt(1), 2, upload(&["a"])).await;
    let Ending::Infrastructure { code, .. } = &report.ending else { panic!("{report:#?}") };
    assert_eq!(code, "unwanted");
    farm.end().await;
}

async fn a_report_is_never_too_long() {
    // Each link leads nowhere, and each is named: over a megabyte of names.
    let farm = farm(
        "mkdir out; cd out; long=$(head -c 240 /dev/zero | tr '\\0' x)
        seq 5000 | while read n; do echo \"$long$n\"; done | xargs -n 500 sh -c \
        'for name; do ln -s nowhere \"$name\"; done' sh",
    )
    .await;
    let report = farm.step(attempt(1), 2, upload(&["out/*"])).await;
    let text = missing(&report);
    assert!(text.len() < 20_000 && text.ends_with("more bytes)"), "{} bytes", text.len());
    farm.end().await;
}

async fn an_upload_can_be_cancelled() {
    let farm = farm("echo a > a").await;
    farm.master.seen().artifacts_refused = usize::MAX;
    farm.begin(attempt(1), 2, upload(&["a"])).await;
    farm.master.until("a try", |seen| (seen.artifacts_refused < usize::MAX).then_some(())).await;
    farm.master.say(ToWorker::Cancel { attempt: attempt(1) }).await;
    assert_eq!(farm.report(attempt(1), 2).await.ending, Ending::Cancelled);
    farm.end().await;
}
