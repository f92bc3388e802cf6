//! What goes wrong is told as a problem that names it.

use axum::body::Body;
use axum::http::StatusCode;
use steading_wire::problem::Code;

use crate::house::{House, ask};

async fn check(house: &House, path: &str, code: &str, words: &[&str]) {
    let (found, detail) = house.get(path).await.problem();
    assert_eq!(found, code, "{path}: {detail}");
    for word in words {
        assert!(detail.contains(word), "{path}: `{detail}` does not say `{word}`");
    }
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let house = House::new().await;
    check(&house, "/api/v1/nowhere", "not_found", &["/api/v1/nowhere"]).await;
    check(&house, "/api/v1/builds/17", "not_found", &["build", "17"]).await;
    check(&house, "/api/v1/builds/hello/17", "not_found", &["hello/17"]).await;
    check(&house, "/api/v1/builders/nobody", "not_found", &["builder", "nobody"]).await;
    check(&house, "/api/v1/builders/nobody/builds", "not_found", &["nobody"]).await;
    check(&house, "/api/v1/steps/test", "not_found", &["step", "test"]).await;
    check(&house, "/api/v1/logs/5", "not_found", &["log", "5"]).await;
    check(&house, "/api/v1/logs/5/raw", "not_found", &["log", "5"]).await;
    check(&house, "/api/v1/logs/5/follow", "not_found", &["log", "5"]).await;
    check(&house, "/api/v1/artifacts/5/content", "not_found", &["artifact", "5"]).await;
}

#[tokio::test]
async fn what_is_not_understood_is_named() {
    let house = House::new().await;
    let builds = |query: &str| format!("/api/v1/builds?{query}");
    let bad = "bad_request";
    check(&house, &builds("colour=red"), bad, &["colour", "outcome", "worker"]).await;
    check(&house, &builds("id__near=3"), bad, &["near", "contains"]).await;
    check(&house, &builds("id=many"), bad, &["id", "many"]).await;
    check(&house, &builds("outcome=great"), bad, &["great", "success"]).await;
    check(&house, &builds("started_at__ge=today"), bad, &["today", "started_at"]).await;
    check(&house, &builds("properties=x"), bad, &["properties"]).await;
    check(&house, &builds("order=-colour"), bad, &["colour", "outcome"]).await;
    check(&house, &builds("order=id&order=-id"), bad, &["order", "twice"]).await;
    check(&house, &builds("fields=id,colour"), bad, &["colour", "outcome"]).await;
    check(&house, &builds("limit=0"), bad, &["limit"]).await;
    check(&house, &builds("limit=lots"), bad, &["limit", "lots"]).await;
    check(&house, &builds("cursor=xyz"), bad, &["cursor"]).await;
    check(&house, "/api/v1/events?since=x", bad, &["since"]).await;
    check(&house, "/api/v1/events?since=99999", bad, &["99999"]).await;
    check(&house, "/api/v1/events?sinse=1", bad, &["sinse"]).await;
    check(&house, "/api/v1/events?noun=cow", bad, &["cow", "buildset"]).await;
    check(&house, "/api/v1/builds/hello/first", bad, &["first"]).await;
}

#[tokio::test]
async fn people_get_a_page_that_says_so() {
    let house = House::new().await;
    let check = async |path: &str, expected: &str| {
        let request = ask("GET", path).header("accept", "text/html,*/*").body(Body::empty());
        let got = house.send(request.expect("a request")).await;
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        assert!(got.header("content-type").starts_with(expected), "{path}");
    };
    check("/nowhere", "text/html").await;
    check("/api/v1/nowhere", "application/problem+json").await;
}

#[tokio::test]
async fn bad_bodies_name_the_field() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let check = async |path: &str, body: &str, words: &[&str]| {
        let (code, detail) = house.post(path, &admin, body).await.problem();
        assert_eq!(code, "bad_request", "{body}");
        for word in words {
            assert!(detail.contains(word), "`{detail}` does not say `{word}`");
        }
    };
    let force = "/api/v1/builders/hello/force";
    check(force, r#"{"priority":"high"}"#, &["priority"]).await;
    check(force, r#"{"brunch":"main"}"#, &["brunch", "branch"]).await;
    check(force, r#"{"branch":"#, &["line 1"]).await;
    check("/api/v1/changes", "{}", &["repository"]).await;
    check("/api/v1/tokens", r#"{"name":"x","scope":"root"}"#, &["root", "admin"]).await;
}

#[tokio::test]
async fn bodies_are_json_and_not_too_large() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let force = || {
        ask("POST", "/api/v1/builders/hello/force")
            .header("authorization", format!("Bearer {admin}"))
    };
    let request = force().header("content-type", "text/plain").body(Body::from("{}"));
    let got = house.send(request.expect("a request")).await;
    assert_eq!(got.problem().0, "bad_request");
    let large = format!(r#"{{"reason":"{}"}}"#, "x".repeat(300 << 10));
    let request = force().header("content-type", "application/json").body(Body::from(large));
    let got = house.send(request.expect("a request")).await;
    assert_eq!(got.problem().0, "too_large");
}

#[tokio::test]
async fn a_verb_a_path_does_not_take_is_named() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let got = house.post("/api/v1/farm", &admin, "{}").await;
    assert_eq!(got.problem().0, "method_not_allowed");
    assert!(got.header("allow").contains("GET"), "{got:?}");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect() {
    let house = House::new().await;
    let check = async |path: &str, status: StatusCode| {
        let got = house.get(path).await;
        assert_eq!(got.status, status, "{path}");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("x-frame-options"), "DENY");
        assert_eq!(got.header("referrer-policy"), "same-origin");
        assert!(got.header("content-security-policy").contains("default-src 'none'"));
    };
    check("/api/v1/farm", StatusCode::OK).await;
    check("/healthz", StatusCode::OK).await;
    check("/api/v1/nowhere", StatusCode::NOT_FOUND).await;
    check("/signin", StatusCode::UNAUTHORIZED).await;
}

#[test]
fn every_code_is_documented() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.word(), code.status());
        assert!(guide.contains(&row), "docs/api.md has no row `{row}`");
    }
}
