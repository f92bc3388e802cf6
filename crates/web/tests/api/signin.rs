//! Signing a browser in.

use axum::body::Body;
use axum::http::StatusCode;

use crate::house::{HOST, House, ask};

async fn get(house: &House, path: &str, cookie: &str) -> StatusCode {
    let request = ask("GET", path).header("x-forwarded-for", "192.0.2.7").header("cookie", cookie);
    house.send(request.body(Body::empty()).expect("a request")).await.status
}

async fn reload(house: &House, cookie: &str, origin: Option<&str>) -> StatusCode {
    let mut request = ask("POST", "/api/v1/reload").header("cookie", cookie);
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    house.send(request.body(Body::empty()).expect("a request")).await.status
}

#[tokio::test]
async fn a_code_signs_one_browser_in() {
    let house = House::new().await;
    let code = house.token("browser", None).await;
    let link = format!("/signin?code={code}");
    let first = house.get(&link).await;
    assert_eq!((first.status, first.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = first.header("set-cookie");
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "steading_8040="] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let again = house.get(&link).await;
    assert_eq!(again.problem().0, "unauthorized");

    let session = cookie.split(';').next().expect("a pair").to_owned();
    let own = format!("http://{HOST}");
    assert_eq!(get(&house, "/api/v1/farm", &session).await, StatusCode::OK);
    assert_eq!(get(&house, "/api/v1/farm", "steading_8041=x").await, StatusCode::UNAUTHORIZED);
    assert_eq!(reload(&house, &session, Some(&own)).await, StatusCode::OK);
    assert_eq!(reload(&house, &session, None).await, StatusCode::FORBIDDEN);
    assert_eq!(reload(&house, &session, Some("http://evil.example")).await, StatusCode::FORBIDDEN);

    let request = ask("POST", "/signout").header("cookie", &session).header("origin", &own);
    let out = house.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(get(&house, "/api/v1/farm", &session).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_a_browsers_code_signs_in() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    for code in [admin.as_str(), "nonsense", ""] {
        let got = house.get(&format!("/signin?code={code}")).await;
        assert_eq!(got.problem().0, "unauthorized", "{code}");
    }
    assert_eq!(house.get("/signin").await.problem().0, "unauthorized");
}

#[tokio::test]
async fn a_stale_cookie_is_nobody() {
    let house = House::new().await;
    let request = ask("GET", "/api/v1/farm").header("cookie", "steading_8040=gone");
    let got = house.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(got.status, StatusCode::OK);
}

#[tokio::test]
async fn people_get_a_page_and_programs_a_problem() {
    let house = House::new().await;
    let check = async |path: &str, accept: &str, expected: &str| {
        let request = ask("GET", path).header("x-forwarded-for", "x").header("accept", accept);
        let got = house.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        assert_eq!(got.header("www-authenticate"), "Bearer");
        assert!(got.header("content-type").starts_with(expected), "{path}");
    };
    check("/", "text/html,*/*", "text/html").await;
    check("/", "*/*", "application/problem+json").await;
    check("/api/v1/farm", "text/html", "application/problem+json").await;
}
