//! The guard: every request passes it before any route.

use std::net::SocketAddr;

use axum::extract::{self, ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use steading_wire::problem::{Code, Problem};

use super::access::{self, Want};
use super::token::Presented;
use super::{Caller, host, refusal, token};
use crate::State;

/// The one path that is open to everybody, so that a balancer can ask from anywhere.
pub(crate) const HEALTHZ: &str = "/healthz";
/// Where a browser signs in; the code it brings is its token, judged there.
pub(crate) const SIGNIN: &str = "/signin";
/// Headers a proxy adds. They are never believed, but who sends one is not simply local.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Lets a request pass, with its `Caller` as an extension, or answers why not.
pub(crate) async fn guard(
    extract::State(state): extract::State<State>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    match admit(&state, &parts).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => refusal::answer(&parts, problem),
    }
}

async fn admit(state: &State, parts: &Parts) -> Result<Caller, Problem> {
    if parts.uri.path() == HEALTHZ && want(&parts.method) == Want::Read {
        return Ok(Caller::anonymous());
    }
    state.hosts.check(&parts.headers, &parts.uri)?;
    let cookie = state.hosts.cookie();
    let presented = token::presented(&parts.headers, &cookie)?;
    let want = want(&parts.method);
    if want == Want::Write {
        let browser = matches!(presented, Presented::Cookie(_));
        host::check_origin(&parts.headers, &parts.uri, browser)?;
    }
    let caller = identify(state, presented).await?;
    if parts.uri.path() != SIGNIN || want == Want::Write {
        access::check(want, is_local(parts), caller.scope)?;
    }
    Ok(caller)
}

async fn identify(state: &State, presented: Presented<'_>) -> Result<Caller, Problem> {
    match presented {
        Presented::Nothing => Ok(Caller::anonymous()),
        // A cookie may outlive its token; its browser is then as good as anybody.
        Presented::Cookie(secret) => {
            Ok(token::owner(state, secret).await?.unwrap_or_else(Caller::anonymous))
        }
        Presented::Bearer(secret) => token::owner(state, secret).await?.ok_or_else(|| {
            Problem::new(
                Code::Unauthorized,
                "this token is unknown, revoked or expired; make one with `steading token`",
            )
        }),
    }
}

fn want(method: &Method) -> Want {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Want::Read,
        _ => Want::Write,
    }
}

/// Whether the peer is on this machine. Without a peer's address, nobody is.
fn is_local(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback()) && !forwarded(&parts.headers)
}

fn forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
}
