//! Who dials: a worker proves its name with a token, of which only the hash is stored.

use axum::http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use steading_core::farm::matches_glob;
use steading_store::Token;

use crate::context::Context;

/// The hash under which a token is stored.
pub(crate) fn token_hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// A worker token that was shown, and what it is known by.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// The token.
    pub(super) token: Token,
    /// Its hash: a token that is revoked, replaced or expired is not found by it any more.
    pub(super) hash: String,
}

/// The worker token of a request.
///
/// # Errors
/// 401 with a sentence that says what to do.
pub(super) async fn authenticate(
    context: &Context,
    headers: &HeaderMap,
) -> Result<Shown, (StatusCode, String)> {
    let refuse = |why: &str| {
        let help = "make one on the master's machine with `steading token worker NAME`";
        Err((StatusCode::UNAUTHORIZED, format!("{why}; {help}")))
    };
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(secret) = header.and_then(|value| value.strip_prefix("Bearer ")) else {
        return refuse("a worker needs a token");
    };
    let hash = token_hash(secret);
    let wanted = hash.clone();
    match context.store.glance(move |r| r.token(&wanted)).await {
        Ok(Some(token)) if token.scope == "worker" => Ok(Shown { token, hash }),
        Ok(_) => refuse("this is not a valid worker token of this farm"),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}

/// Whether a token admits a worker of that name.
pub(super) fn admits(token: &Token, name: &str) -> bool {
    token.worker.as_deref().is_some_and(|glob| glob == name || matches_glob(glob, name))
}
