//! What handlers take out of a request; what cannot be taken is a problem that names it.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use steading_wire::command::{Answer, Command};
use steading_wire::problem::Code;

use crate::{Caller, Failure, State};

/// Characters an idempotency key may have.
const KEY_CHARS_MAX: usize = 200;

/// Parts of the path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub(crate) struct Path<T>(pub(crate) T);

/// Parameters of the query, in the order given.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Failure))]
pub(crate) struct Query<T>(pub(crate) T);

/// A JSON body; nothing at all counts as `{}`.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &State) -> Result<Body<T>, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let bytes = Bytes::from_request(request, state).await?;
        let json = kind.as_ref().is_some_and(|kind| {
            kind.to_str().is_ok_and(|kind| kind.trim_start().starts_with("application/json"))
        });
        // A page elsewhere can send text or a form unasked, but not JSON.
        if !bytes.is_empty() && !json {
            let detail = "the body must be JSON; send `Content-Type: application/json`";
            return Err(Failure::new(Code::BadRequest, detail));
        }
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        let axum::Json(body) = axum::Json::from_bytes(&bytes)?;
        Ok(Body(body))
    }
}

/// Who commands, and the key by which a repeat is known.
pub(crate) struct Commander {
    state: State,
    by: String,
    key: Option<String>,
}

impl FromRequestParts<State> for Commander {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Commander, Failure> {
        let caller = parts.extensions.get::<Caller>().cloned();
        let by = caller.unwrap_or_else(Caller::anonymous).name;
        Ok(Commander { state: state.clone(), by, key: idempotency_key(parts)? })
    }
}

impl Commander {
    /// Sends the command and waits for its answer.
    pub(crate) async fn ask(self, command: Command) -> Result<Answer, Failure> {
        Ok(self.state.ask(command, self.by, self.key).await?)
    }
}

fn idempotency_key(parts: &Parts) -> Result<Option<String>, Failure> {
    let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim);
    match key.filter(|key| !key.is_empty() && key.len() <= KEY_CHARS_MAX) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Failure::new(
            Code::BadRequest,
            format!("`Idempotency-Key` must be 1 to {KEY_CHARS_MAX} visible ASCII characters"),
        )),
    }
}

/// Says what a rejection says, as a problem.
macro_rules! rejections {
    ($($rejection:ty),*) => {$(
        impl From<$rejection> for Failure {
            fn from(rejection: $rejection) -> Failure {
                let code = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
                    status if status.is_server_error() => Code::Internal,
                    _ => Code::BadRequest,
                };
                Failure::new(code, rejection.body_text())
            }
        }
    )*};
}
rejections!(PathRejection, QueryRejection, BytesRejection, JsonRejection);
