//! A problem as an HTTP answer.

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use steading_store::{self as store, archive};
use steading_wire::problem::{Code, Problem};

use crate::ui;

/// Why there is no answer; shown as `application/problem+json`.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl Failure {
    /// A failure of that kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Failure {
        Failure(Problem::new(code, detail))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure(problem)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Failure {
        use store::Error;
        let code = match &error {
            Error::NotFound { .. } => Code::NotFound,
            Error::BadQuery(_) => Code::BadRequest,
            Error::Stale(_) | Error::Illegal(_) => Code::Conflict,
            Error::Busy { .. } | Error::Closed | Error::DiskFull { .. } => Code::Unavailable,
            Error::Panicked { .. } | Error::Database(_) | Error::Corrupt { .. } => Code::Internal,
        };
        if code == Code::Internal {
            tracing::error!(%error, "a read section failed");
        }
        Failure::new(code, error.to_string())
    }
}

impl From<archive::Error> for Failure {
    fn from(error: archive::Error) -> Failure {
        use archive::Error;
        let code = match &error {
            Error::NoLog(_) | Error::NoArtifact(_) => Code::NotFound,
            Error::DiskFull(_) | Error::Stopped(_) => Code::Unavailable,
            _ => Code::Internal,
        };
        if code == Code::Internal {
            tracing::error!(%error, "the archive could not be read");
        }
        Failure::new(code, error.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// A problem as its reader wants it: people get a page, programs the document.
pub(crate) fn answer(headers: &HeaderMap, uri: &Uri, problem: Problem) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let person = accept.is_some_and(|accept| accept.contains("text/html"));
    if person && !uri.path().starts_with("/api/") {
        return ui::problem(&problem);
    }
    Failure(problem).into_response()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.0).expect("a problem is plain words and a number");
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
