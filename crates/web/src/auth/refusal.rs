//! How a refusal looks: a problem to programs, a sentence to people.

use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use steading_wire::problem::{Code, Problem};

use crate::Failure;

/// The answer to a request the guard did not let pass.
pub(super) fn answer(parts: &Parts, problem: Problem) -> Response {
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let person = accept.is_some_and(|accept| accept.contains("text/html"));
    let asks = problem.code == Code::Unauthorized;
    let mut response = match person && !parts.uri.path().starts_with("/api/") {
        true => page(&problem),
        false => Failure(problem).into_response(),
    };
    if asks {
        let scheme = header::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

fn page(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::FORBIDDEN);
    let [title, detail] = [&problem.title, &problem.detail].map(|text| escape(text));
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <h1>{title}</h1><p>{detail}</p></html>"
    );
    (status, Html(html)).into_response()
}

/// Text as HTML text: the detail may quote what the request said.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
