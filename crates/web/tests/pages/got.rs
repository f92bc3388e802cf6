//! Asking for a page, and what came back.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::farm::{Farm, SECRET};

const BOUND: &str = "127.0.0.1:8040";

/// A page that came back.
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    /// Its title, as its reader sees it.
    pub(crate) fn title(&self) -> String {
        readable(between(&self.text, "<title>", "</title>").expect("a title"))
    }

    /// Fails unless all of these are in it.
    pub(crate) fn holds(&self, all: &[&str]) {
        let readable = readable(&self.text);
        for part in all {
            assert!(readable.contains(part), "{part} is not in {}", self.text);
        }
    }
}

/// Text as it is read, not as it is written.
fn readable(html: &str) -> String {
    let pairs = [("&#x2f;", "/"), ("&#x27;", "'"), ("&quot;", "\""), ("&amp;", "&")];
    pairs.iter().fold(html.to_owned(), |text, (written, read)| text.replace(written, read))
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    text.split_once(from)?.1.split_once(to).map(|(inner, _)| inner)
}

fn web(farm: &Farm) -> Router {
    farm.web(BOUND.parse().expect("an address"))
}

async fn answer(farm: &Farm, mut request: Request<Body>) -> Got {
    let peer: SocketAddr = "127.0.0.1:50000".parse().expect("an address");
    request.extensions_mut().insert(ConnectInfo(peer));
    request.headers_mut().insert(header::HOST, BOUND.parse().expect("a value"));
    let response = web(farm).oneshot(request).await.expect("routers answer");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a whole body").to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Got { status: parts.status, headers: parts.headers, text }
}

/// Looks at a page as anybody.
pub(crate) async fn look(farm: &Farm, path: &str) -> Got {
    answer(farm, Request::get(path).body(Body::empty()).expect("a request")).await
}

/// Looks at a page signed in.
pub(crate) async fn look_signed_in(farm: &Farm, path: &str) -> Got {
    let request = Request::get(path).header(header::COOKIE, format!("steading_8040={SECRET}"));
    answer(farm, request.body(Body::empty()).expect("a request")).await
}

/// Sends a form; from our own page with a session, unless said otherwise.
pub(crate) async fn send(
    farm: &Farm,
    path: &str,
    fields: &str,
    signed_in: bool,
    origin: &str,
) -> Got {
    let mut request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "text/html")
        .header(header::ORIGIN, origin);
    if signed_in {
        request = request.header(header::COOKIE, format!("steading_8040={SECRET}"));
    }
    answer(farm, request.body(Body::from(fields.to_owned())).expect("a request")).await
}
