//! Each page of an empty farm and of a busy one says what is the case.

use axum::http::{StatusCode, header};

use crate::farm::Farm;
use crate::got::{look, look_signed_in};
use crate::past;

#[tokio::test]
async fn an_empty_farm_says_what_comes_next() {
    let farm = Farm::new(&[("hello", &["checkout", "build"])]).await;
    let check = async |path: &str, title: &str, parts: &[&str]| {
        let got = look(&farm, path).await;
        assert_eq!((got.status, got.title()), (StatusCode::OK, format!("{title} – Steading")));
        got.holds(parts);
    };
    let nothing = "Nothing has been built yet, and no worker is connected";
    check("/", nothing, &["steading force hello --wait"]).await;
    check("/builders", "One builder, none of them broken", &["never built"]).await;
    check("/builders/hello", "hello has never been built", &["<li>checkout</li>"]).await;
    check("/workers", "No worker has ever connected", &["steading token worker"]).await;
    check("/queue", "Nothing waits", &["Every request has a worker"]).await;
    check("/changes", "No change has been seen yet", &[]).await;
    check("/schedulers", "Two schedulers set off builds", &["asking for channel, notes"]).await;
    check("/locks", "One lock, none of them held", &["2 units in the whole farm"]).await;
}

#[tokio::test]
async fn a_busy_farm_answers_in_its_titles() {
    let (farm, running) = past::busy().await;
    let check = async |path: &str, title: &str, parts: &[&str]| {
        let got = look(&farm, path).await;
        assert_eq!((got.status, got.title()), (StatusCode::OK, format!("{title} – Steading")));
        got.holds(parts);
    };
    let parts = ["Broken now", "2 builds", "about 1 min left", "see #5", "data-since"];
    check("/", "Two builders are broken, the farm is keeping up", &parts).await;
    check("/builders", "Two of four builders broken", &["#5 failure"]).await;
    check("/builders/kernel-arm64", "kernel-arm64 is broken, 2 builds in a row", &[]).await;
    check(
        "/workers",
        "2 of 3 workers ready, 1 paused, 2 of 7 slots busy",
        &["by ann: a new disk is being built in", "1 of 4"],
    )
    .await;
    let order = "Three requests wait, in the order they will start";
    check(
        "/queue",
        order,
        &["lock gpu is held by hello-stable", "loft is paused by ann", "2:30 (likely within 4:10)"],
    )
    .await;
    let by_id = format!("/builds/{}", running.build);
    check(&by_id, "hello-stable #6 is running in test", &["data-follow", "docs</span>"]).await;
    let request = "Request 20 waits, number 1 in the queue";
    check(
        "/requests/20",
        request,
        &[
            "What would let it run",
            "gpu gets more units",
            "lock gpu is held",
            "It starts in about 2:30 (likely within 4:10).",
            "With one more worker like barn it starts in about 1:50",
            "40 s sooner",
            "With priority 10: no difference",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_build_tells_how_it_ended() {
    let (farm, _) = past::busy().await;
    let check = async |build: &str, title: &str, parts: &[&str]| {
        let got = look(&farm, &format!("/builders/{}", build.replace('#', "/builds/"))).await;
        assert_eq!((got.status, got.title()), (StatusCode::OK, format!("{title} – Steading")));
        got.holds(parts);
    };
    check(
        "kernel-arm64#5",
        "kernel-arm64 #5 failed in boot-test after 5:45",
        &[
            "<code>make boot-test</code> exited 101 after 43.8 s",
            "clocksource: no usable source, giving up\n[    2.502] Kernel panic",
            "id=\"s3-L211\" class=\"err\"",
            "<span class=\"c1 cb\">no clock</span>",
            "11 earlier lines",
            "Last green #3",
            "an earlier step failed",
            "peak 812 MiB",
        ],
    )
    .await;
    let exception = "docs #6 ended in an exception in render after 7.2 s";
    check("docs#6", exception, &["the disk of byre is full", "No space left on device"]).await;
    let cancelled = "hello-beta #1 was cancelled in build after 1:01";
    check("hello-beta#1", cancelled, &["wrong branch", "not run"]).await;
    let warned = "hello-stable #2 succeeded with warnings in 1:41";
    check("hello-stable#2", warned, &["target/release/hello", "20 B"]).await;
}

#[tokio::test]
async fn a_whole_log_has_lines_to_point_at() {
    let (farm, _) = past::busy().await;
    let log = "/builders/kernel-arm64/builds/5/log/3";
    let got = look(&farm, log).await;
    got.holds(&["id=\"L1\"", "id=\"L211\" class=\"err\"", "href=\"#L12\""]);
    let rest = look(&farm, &format!("{log}?out=200&err=3")).await;
    assert!(!rest.text.contains("id=\"L201\""), "begins after what was read");
    rest.holds(&["id=\"L202\"", "201 lines before these", "terminating on signal 6"]);
    let none = look(&farm, "/builders/kernel-arm64/builds/5/log/9").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_not_there_has_a_page_that_says_so() {
    let farm = Farm::new(&[("hello", &["build"])]).await;
    for path in ["/builders/nobody", "/builders/hello/builds/7", "/builds/x", "/requests/99"] {
        let got = look(&farm, path).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{path}");
        got.holds(&["Not found", "To the first page"]);
    }
}

#[tokio::test]
async fn buttons_are_shown_to_those_who_may_use_them() {
    let (farm, _) = past::busy().await;
    let path = "/builders/hello-stable/builds/6";
    assert!(!look(&farm, path).await.text.contains("/cancel"), "nobody is signed in");
    look_signed_in(&farm, path).await.holds(&["/cancel\"", "sign out"]);
    let form = look(&farm, "/builders/hello-stable").await;
    form.holds(&["sign in with <code>steading open</code>"]);
    let form = look_signed_in(&farm, "/builders/hello-stable").await;
    form.holds(&["name=\"property.channel\"", "<option selected>beta</option>", "name=\"key\""]);
}

#[tokio::test]
async fn what_a_page_loads_is_our_own_and_kept_for_ever() {
    let farm = Farm::new(&[]).await;
    let page = look(&farm, "/").await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
    assert!(policy.contains("script-src 'self'"), "{policy}");
    assert!(!page.text.contains(" style=") && !page.text.contains(" onclick="));
    let assets: Vec<&str> = page.text.split('"').filter(|p| p.starts_with("/assets/")).collect();
    assert!(assets.len() >= 4, "{assets:?}");
    for asset in assets {
        let got = look(&farm, asset).await;
        assert_eq!(got.status, StatusCode::OK, "{asset}");
        let kept = got.headers[header::CACHE_CONTROL].to_str().expect("text").to_owned();
        assert!(kept.contains("immutable"), "{asset}: {kept}");
    }
}

#[tokio::test]
async fn what_is_held_back_says_by_whom_and_why() {
    let farm = Farm::new(&[("hello", &["build"])]).await;
    let hold = |w: &mut steading_store::Write<'_>| {
        w.pause_farm("ann", "power works", false)?;
        w.pause_builder("hello", "ben", "its mirror moves")
    };
    farm.store.write("hold", hold).await.expect("held");
    let held = "Nothing is started: the farm is paused by ann: power works.";
    look(&farm, "/").await.holds(&[held]);
    look_signed_in(&farm, "/queue").await.holds(&[held, "Resume the farm"]);
    look(&farm, "/builders").await.holds(&["paused by ben: its mirror moves"]);
    look(&farm, "/builders/hello").await.holds(&["It is paused by ben: its mirror moves."]);
    let trouble = |w: &mut steading_store::Write<'_>| {
        w.resume_farm("ann", "")?;
        w.farm_trouble("disk_full", Some("the disk is nearly full"))
    };
    farm.store.write("trouble", trouble).await.expect("troubled");
    let got = look_signed_in(&farm, "/").await;
    got.holds(&["Nothing is started: the disk is nearly full."]);
    assert!(!got.text.contains("Resume the farm"), "nobody can resume a full disk");
}
