//! All routes behind the guard, and what every answer carries.

use std::any::Any;

use axum::Router;
use axum::extract::{self, DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use steading_wire::problem::{Code, Problem};
use tower_http::catch_panic::CatchPanicLayer;

use crate::api::{self, health};
use crate::{Failure, State, auth, failure, metrics, ui};

/// The most bytes a body may have; the largest thing sent here is a force with its properties.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What every answer carries, unless its handler said something stricter. `connect-src 'self'` is
/// for the event streams; `same-origin` and not `no-referrer`, which would turn the `Origin` of our
/// own forms to `null`.
const HEADERS: [(header::HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "private, no-cache"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Everything the web serves. Serve it with the peer's address
/// (`into_make_service_with_connect_info::<SocketAddr>()`): without it every peer is a stranger.
pub fn routes(state: State) -> Router {
    let own = Router::new()
        .nest("/api/v1", api::routes())
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::show))
        .route("/signin", get(auth::signin))
        .route("/signout", post(auth::signout))
        .with_state(state.clone());
    own.merge(ui::routes(state.clone()))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(state.clone(), auth::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state, finish))
}

/// Outermost: counts the request, adds the headers every answer carries.
async fn finish(
    extract::State(state): extract::State<State>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let mut response = next.run(request).await;
    state.metrics.count(&method, response.status());
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn not_found(headers: HeaderMap, uri: Uri) -> Response {
    let detail = format!("there is nothing at {}; see /api/v1/openapi.json", uri.path());
    failure::answer(&headers, &uri, Problem::new(Code::NotFound, detail))
}

async fn method_not_allowed(method: Method, headers: HeaderMap, uri: Uri) -> Response {
    let detail = format!("{} takes no {method}; see the `Allow` header", uri.path());
    failure::answer(&headers, &uri, Problem::new(Code::MethodNotAllowed, detail))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("no message"), "a handler panicked");
    let detail = "a fault of the farm, not of the request; its log says more";
    Failure::new(Code::Internal, detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_panic_is_a_problem_and_its_text_stays_here() {
        async fn boom() -> &'static str {
            panic!("the secret of the house")
        }
        let router: Router =
            Router::new().route("/", get(boom)).layer(CatchPanicLayer::custom(panicked));
        let request = Request::new(axum::body::Body::empty());
        let response = router.oneshot(request).await.expect("an answer");
        assert_eq!(response.status().as_u16(), 500);
        let body = axum::body::to_bytes(response.into_body(), BODY_BYTES_MAX).await.expect("whole");
        let body = String::from_utf8(body.to_vec()).expect("text");
        assert!(body.contains("\"internal\"") && !body.contains("secret"), "{body}");
    }
}
