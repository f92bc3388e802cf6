//! Answers: a page, or a page that says why there is none.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use std::sync::LazyLock;
use steading_wire::problem::{Code, Problem};

use super::template::Templates;
use super::view::frame::Frame;
use super::view::words::sentence;
use crate::Failure;

/// What a template sees: `frame` and `v`; `key` makes a form's sending safe to repeat.
#[derive(Debug, Serialize)]
struct Shown<'a, V> {
    frame: &'a Frame,
    v: &'a V,
    key: String,
}

/// A problem as its template sees it.
#[derive(Debug, Serialize)]
struct Sorry<'a> {
    status: u16,
    title: String,
    text: String,
    code: &'a str,
    sign_in: bool,
}

static OURS: LazyLock<Templates> = LazyLock::new(|| Templates::new(None));

/// Why there is no page.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Problem);

impl Refusal {
    /// No such thing.
    pub(super) fn not_found(what: impl Into<String>) -> Refusal {
        Refusal(Problem::new(Code::NotFound, what))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal(problem)
    }
}

impl From<steading_store::Error> for Refusal {
    fn from(error: steading_store::Error) -> Refusal {
        Refusal(Failure::from(error).0)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        problem(&self.0)
    }
}

/// A page.
pub(super) fn page<V: Serialize>(
    templates: &Templates,
    name: &str,
    frame: &Frame,
    view: &V,
) -> Result<Response, Refusal> {
    let shown = Shown { frame, v: view, key: fresh_key() };
    let html = templates.render(name, &shown).map_err(|error| {
        let detail = format!("the template {name} is broken: {error:#}");
        tracing::error!(%detail, "no page");
        Refusal(Problem::new(Code::Internal, detail))
    })?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response())
}

/// A problem as a page for people.
#[must_use]
pub fn problem(problem: &Problem) -> Response {
    let sorry = Sorry {
        status: problem.status,
        title: sentence(&problem.title),
        text: sentence(&problem.detail),
        code: problem.code.word(),
        sign_in: matches!(problem.code, Code::Unauthorized | Code::Forbidden),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match OURS.render("problem.html", &sorry) {
        Ok(html) => (status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page for problems is broken");
            (status, problem.detail.clone()).into_response()
        }
    }
}

/// A key nobody else has: a form sent twice with it is obeyed once.
pub(super) fn fresh_key() -> String {
    let mut bytes = [0_u8; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        // Without randomness a form may be obeyed twice; that is better than no form.
        Err(_) => String::new(),
    }
}
