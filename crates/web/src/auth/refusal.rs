//! How a refusal looks: as any problem does, and asking for a token where one would do.

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use steading_wire::problem::{Code, Problem};

use crate::failure;

/// The answer to a request the guard did not let pass.
pub(super) fn answer(parts: &Parts, problem: Problem) -> Response {
    let asks = problem.code == Code::Unauthorized;
    let mut response = failure::answer(&parts.headers, &parts.uri, problem);
    if asks {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}
