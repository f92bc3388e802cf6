//! Signing a browser in: a one-time code becomes a session cookie.

use axum::Extension;
use axum::extract::{self, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use steading_wire::command::{Answer, Command};
use steading_wire::problem::{Code, Problem};
use steading_wire::rest::{NewToken, Scope};

use super::{Caller, token};
use crate::{Failure, State};

/// How long a browser stays signed in.
const SESSION_S: i64 = 30 * 24 * 3600;
/// Names of sessions begin with this; `steading token` shows and revokes them like any other.
const SESSION: &str = "browser-";

/// What the link carries.
#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    code: String,
}

/// `GET /signin?code=…`: the code is a token of scope `browser`; it is revoked, which only one of
/// two that bring the same can do, and a session takes its place.
pub(crate) async fn signin(
    extract::State(state): extract::State<State>,
    Query(link): Query<Link>,
) -> Result<Response, Failure> {
    let found = token::owner(&state, &link.code).await?;
    let Some(code) = found.filter(|caller| caller.scope == Some(Scope::Browser)) else {
        return Err(used().into());
    };
    let revoke = Command::RevokeToken { name: code.name.clone() };
    state
        .ask(revoke, code.name.clone(), None)
        .await
        .map_err(|problem| if problem.code == Code::NotFound { used() } else { problem })?;
    let session = NewToken {
        name: session_name()?,
        scope: Scope::Admin,
        worker: None,
        valid_s: Some(SESSION_S),
    };
    let answer = state.ask(Command::NewToken(session), code.name, None).await?;
    let Answer::Token(session) = answer else { return Err(unexpected()) };
    let cookie = set_cookie(&state.hosts.cookie(), &session.token, SESSION_S);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// `POST /signout`: the session ends here and in the farm.
pub(crate) async fn signout(
    extract::State(state): extract::State<State>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    if caller.name.starts_with(SESSION) {
        let revoke = Command::RevokeToken { name: caller.name.clone() };
        state.ask(revoke, caller.name, None).await?;
    }
    let cookie = set_cookie(&state.hosts.cookie(), "", 0);
    let home = [(header::LOCATION, "/".to_owned()), (header::SET_COOKIE, cookie)];
    Ok((StatusCode::SEE_OTHER, home).into_response())
}

/// Strict: no other site's link or form ever sends it. Not `Secure`: on loopback there is no TLS.
fn set_cookie(name: &str, value: &str, valid_s: i64) -> String {
    format!("{name}={value}; Path=/; Max-Age={valid_s}; HttpOnly; SameSite=Strict")
}

fn session_name() -> Result<String, Failure> {
    let fresh = token::fresh().map_err(|error| {
        Failure::new(Code::Internal, format!("the system gives no randomness: {error}"))
    })?;
    Ok(format!("{SESSION}{}", &fresh[..12]))
}

fn used() -> Problem {
    Problem::new(
        Code::Unauthorized,
        "this link was used already, or is too old; `steading open` makes another",
    )
}

fn unexpected() -> Failure {
    Failure::new(Code::Internal, "the master answered something else than a token")
}
