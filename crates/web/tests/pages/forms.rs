//! Forms: taken from our own pages with a session, and from nowhere else.

use axum::http::{StatusCode, header};

use crate::got::send;
use crate::past;

const OWN: &str = "http://127.0.0.1:8040";

#[tokio::test]
async fn a_form_leads_to_where_its_effect_is_seen() {
    let (farm, _) = past::busy().await;
    let check = async |path: &str, fields: &str, place: &str| {
        let got = send(&farm, path, fields, true, OWN).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{path}: {}", got.text);
        assert_eq!(got.headers[header::LOCATION], place, "{path}");
    };
    check("/builders/docs/force", "branch=main&property.channel=beta&key=k", "/requests/1").await;
    check("/workers/barn/pause", "reason=lunch", "/workers#barn").await;
    check("/requests/1/prioritize", "priority=-3", "/requests/1").await;
    check("/workers/loft/resume", "", "/workers#loft").await;
    check("/builders/docs/pause", "reason=lunch", "/builders/docs").await;
    check("/builders/docs/resume", "", "/builders/docs").await;
    check("/schedulers/commits/pause", "reason=", "/schedulers#commits").await;
    check("/schedulers/commits/resume", "", "/schedulers#commits").await;
    check("/farm/pause", "reason=lunch", "/queue").await;
    check("/farm/resume", "", "/queue").await;
    check("/builds/19/cancel", "reason=", "/builds/19").await;
}

#[tokio::test]
async fn others_forms_are_refused_with_a_page() {
    let (farm, _) = past::busy().await;
    let check = async |path, fields, signed_in, origin, status: StatusCode, word: &str| {
        let got = send(&farm, path, fields, signed_in, origin).await;
        assert_eq!(got.status, status, "{path} from {origin}");
        got.holds(&[word]);
    };
    let pause = "/workers/barn/pause";
    check(pause, "", false, OWN, StatusCode::UNAUTHORIZED, "steading open").await;
    check(pause, "", true, "https://evil.example", StatusCode::FORBIDDEN, "own pages").await;
    let force = "/builders/docs/force";
    check(force, "priority=high", true, OWN, StatusCode::BAD_REQUEST, "not a whole number").await;
    let rebuild = "/builds/1/rebuild";
    check(rebuild, "", true, OWN, StatusCode::CONFLICT, "only looks like one").await;
}
