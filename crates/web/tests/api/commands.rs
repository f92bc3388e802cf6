//! Writes: what is asked reaches the master as it was asked.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::StatusCode;
use steading_core::words::{BuildId, RequestId};
use steading_wire::command::{Command, Pausable};
use steading_wire::rest;

use crate::house::{House, ask};

#[tokio::test]
async fn each_write_is_one_command() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let check = async |path: &str, body: &str, status: u16, expected: Command| {
        let got = house.post(&format!("/api/v1{path}"), &admin, body).await;
        assert_eq!(got.status.as_u16(), status, "{path}: {}", got.text());
        let (command, by, key) =
            house.heard.lock().expect("whole").pop().expect("something was heard");
        assert_eq!((command, by.as_str(), key), (expected, "the-admin", None), "{path}");
    };
    let why = |text: &str| rest::Why { reason: text.to_owned() };
    let force = rest::Force {
        branch: Some("main".to_owned()),
        priority: 7,
        properties: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        ..rest::Force::default()
    };
    let body = r#"{"branch":"main","priority":7,"properties":{"k":"v"}}"#;
    let builder = "hello".to_owned();
    check("/builders/hello/force", body, 201, Command::Force { builder, force }).await;
    let change =
        rest::NewChange { repository: "r".to_owned(), branch: "main".to_owned(), revision: None };
    let body = r#"{"repository":"r","branch":"main"}"#;
    check("/changes", body, 200, Command::Change(change)).await;
    let (build, request) = (BuildId(17), RequestId(9));
    let cancel = Command::CancelBuild { build, why: why("wrong") };
    check("/builds/17/cancel", r#"{"reason":"wrong"}"#, 204, cancel).await;
    check("/builds/17/rebuild", "", 201, Command::Rebuild { build, why: why("") }).await;
    check("/requests/9/cancel", "", 204, Command::CancelRequest { request, why: why("") }).await;
    let prioritize = Command::Prioritize { request, priority: -5 };
    check("/requests/9/prioritize", r#"{"priority":-5}"#, 204, prioritize).await;
    let worker = || "barn".to_owned();
    let rain = r#"{"reason":"rain"}"#;
    let named = [
        ("workers", Pausable::Worker as fn(String) -> Pausable),
        ("builders", Pausable::Builder),
        ("schedulers", Pausable::Scheduler),
    ];
    for (noun, what) in named {
        let pause = Command::Pause { what: what(worker()), why: why("rain") };
        check(&format!("/{noun}/barn/pause"), rain, 204, pause).await;
        let resume = Command::Resume { what: what(worker()), why: why("rain") };
        check(&format!("/{noun}/barn/resume"), rain, 204, resume).await;
    }
    let pause = Command::Pause { what: Pausable::Farm, why: why("rain") };
    check("/farm/pause", rain, 204, pause).await;
    let resume = Command::Resume { what: Pausable::Farm, why: why("") };
    check("/farm/resume", "", 204, resume).await;
    let drain = |worker| Command::Drain { worker, why: why("rain") };
    check("/farm/drain", rain, 204, drain(None)).await;
    check("/workers/barn/drain", rain, 204, drain(Some(worker()))).await;
    check("/reload", "", 200, Command::Reload).await;
}

#[tokio::test]
async fn an_idempotency_key_reaches_the_master() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let send = async |key: &str| {
        let request = ask("POST", "/api/v1/builders/hello/force")
            .header("authorization", format!("Bearer {admin}"))
            .header("idempotency-key", key)
            .body(Body::empty());
        house.send(request.expect("a request")).await
    };
    assert_eq!(send("6f1c").await.status, StatusCode::CREATED);
    let key = house.heard.lock().expect("whole").last().expect("heard").2.clone();
    assert_eq!(key.as_deref(), Some("6f1c"));
    for bad in ["", &"x".repeat(201)] {
        let (code, detail) = send(bad).await.problem();
        assert_eq!(code, "bad_request");
        assert!(detail.contains("Idempotency-Key"), "{detail}");
    }
}

#[tokio::test]
async fn the_masters_problem_is_the_answer() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let got = house.post("/api/v1/builders/nobody/force", &admin, "{}").await;
    assert_eq!(got.problem().0, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_master_that_does_not_answer_is_not_waited_for_for_ever() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let (code, detail) = house.post("/api/v1/builders/silence/force", &admin, "").await.problem();
    assert_eq!(code, "unavailable");
    assert!(detail.contains("Idempotency-Key"), "{detail}");
}

#[tokio::test]
async fn questions_need_no_token_at_home() {
    let house = House::new().await;
    let explained = house.get("/api/v1/requests/9/explain").await.json();
    assert_eq!(explained["request_id"], 9);
    assert_eq!(house.get("/api/v1/queue?limit=5").await.json()["total"], 0);
}

#[tokio::test]
async fn tokens_are_made_and_forgotten() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let made = house.post("/api/v1/tokens", &admin, r#"{"name":"ci","scope":"read"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let token = made.json()["token"].as_str().expect("a secret").to_owned();
    let farm = async || {
        let request = ask("GET", "/api/v1/farm").header("authorization", format!("Bearer {token}"));
        house.send(request.body(Body::empty()).expect("a request")).await.status
    };
    assert_eq!(farm().await, StatusCode::OK);
    let delete = ask("DELETE", "/api/v1/tokens/ci")
        .header("authorization", format!("Bearer {admin}"))
        .body(Body::empty());
    assert_eq!(house.send(delete.expect("a request")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(farm().await, StatusCode::UNAUTHORIZED);
}
