//! Default deny, over every route, verb, token and place.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use steading_core::words::Micros;
use steading_web::api;

use crate::house::{ABROAD, HOME, HOST, House, ask};

const VERBS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

fn writes(verb: &str) -> bool {
    !["GET", "HEAD", "OPTIONS"].contains(&verb)
}

/// Every path there is, with something where a value goes, and one that is not there.
fn paths() -> Vec<String> {
    let mut all: Vec<String> = api::registered().into_iter().map(|r| r.path).collect();
    all.extend(
        ["/", "/readyz", "/metrics", "/signout", "/nowhere", "/api/v2/farm"].map(String::from),
    );
    all.sort();
    all.dedup();
    let fill = |path: String| {
        ["{id}", "{name}", "{number}"].iter().fold(path, |path, hole| path.replace(hole, "1"))
    };
    all.into_iter().map(fill).collect()
}

#[tokio::test]
async fn only_what_is_listed_is_allowed() {
    let house = House::new().await;
    let mut tokens = vec![("none", None)];
    for scope in ["read", "admin", "worker", "browser"] {
        tokens.push((scope, Some(house.token(scope, None).await)));
    }
    let mut asked = 0;
    for path in paths() {
        for verb in VERBS {
            for (scope, token) in &tokens {
                for place in [HOME, ABROAD] {
                    let status = status(&house, verb, &path, token.as_deref(), place).await;
                    let expected = expected(scope, writes(verb), place == HOME);
                    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                    let found = refused.contains(&status).then_some(status);
                    assert_eq!(found, expected, "{verb} {path} with {scope} from {place}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 2000, "the table has become thin: {asked}");
}

fn expected(scope: &str, write: bool, home: bool) -> Option<StatusCode> {
    match (scope, write) {
        ("admin", _) | ("read", false) => None,
        ("none", false) if home => None,
        ("none", _) => Some(StatusCode::UNAUTHORIZED),
        _ => Some(StatusCode::FORBIDDEN),
    }
}

async fn status(
    house: &House,
    verb: &str,
    path: &str,
    token: Option<&str>,
    place: &str,
) -> StatusCode {
    let peer: SocketAddr = place.parse().expect("an address");
    let mut request =
        Request::builder().method(verb).uri(path).header("host", HOST).extension(ConnectInfo(peer));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    house.open(request.body(Body::empty()).expect("a request")).await.status()
}

#[tokio::test]
async fn alive_is_told_to_everybody() {
    let house = House::new().await;
    let peer: SocketAddr = ABROAD.parse().expect("an address");
    let request = Request::get("/healthz").header("host", "balancer").extension(ConnectInfo(peer));
    let got = house.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, "ok\n"));
}

#[tokio::test]
async fn who_cannot_be_placed_is_a_stranger() {
    let house = House::new().await;
    let check = async |request: axum::http::request::Builder, expected: StatusCode| {
        let got = house.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(got.status, expected);
    };
    let farm = "/api/v1/farm";
    check(Request::get(farm).header("host", HOST), StatusCode::UNAUTHORIZED).await;
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        check(ask("GET", farm).header(header, "127.0.0.1"), StatusCode::UNAUTHORIZED).await;
    }
    let mapped: SocketAddr = "[::ffff:127.0.0.1]:50000".parse().expect("an address");
    let request = Request::get(farm).header("host", HOST).extension(ConnectInfo(mapped));
    check(request, StatusCode::OK).await;
}

#[tokio::test]
async fn hosts_and_origins_are_checked() {
    let house = House::new().await;
    let admin = house.token("admin", None).await;
    let check = async |verb: &str, headers: &[(&str, &str)], expected: StatusCode| {
        let peer: SocketAddr = HOME.parse().expect("an address");
        let mut request = Request::builder()
            .method(verb)
            .uri(if verb == "GET" { "/api/v1/farm" } else { "/api/v1/reload" })
            .extension(ConnectInfo(peer))
            .header("authorization", format!("Bearer {admin}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let got = house.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(got.status, expected, "{verb} {headers:?}");
    };
    check("GET", &[("host", HOST)], StatusCode::OK).await;
    check("GET", &[("host", "farm.example.org")], StatusCode::OK).await;
    check("GET", &[("host", "evil.example.com")], StatusCode::FORBIDDEN).await;
    check("GET", &[], StatusCode::BAD_REQUEST).await;
    check("POST", &[("host", HOST)], StatusCode::OK).await;
    let own = format!("http://{HOST}");
    check("POST", &[("host", HOST), ("origin", &own)], StatusCode::OK).await;
    let evil = "http://evil.example.com";
    check("POST", &[("host", HOST), ("origin", evil)], StatusCode::FORBIDDEN).await;
    check("GET", &[("host", HOST), ("origin", evil)], StatusCode::OK).await;
}

#[tokio::test]
async fn a_bad_token_is_refused_at_home_too() {
    let house = House::new().await;
    let expired = house.token("admin", Some(Micros(1))).await;
    for token in ["nonsense", "", expired.as_str()] {
        let status = status(&house, "GET", "/api/v1/farm", Some(token), HOME).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_however_often_it_was_good() {
    let house = House::new().await;
    let token = house.token("read", None).await;
    let asked = async || status(&house, "GET", "/api/v1/builds", Some(&token), ABROAD).await;
    assert_eq!([asked().await, asked().await], [StatusCode::OK; 2]);
    assert!(house.write(|w| w.revoke_token("the-read")).await);
    assert_eq!(asked().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_real_peer_is_placed_by_its_address() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let house = House::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = house.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET /api/v1/farm HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
