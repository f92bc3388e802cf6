//! Tokens: opaque, 256 bits, kept as a hash.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use steading_wire::problem::{Code, Problem};
use steading_wire::rest::Scope;

use super::Caller;
use crate::State;
use crate::newest::Newest;

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;
/// Owners that are remembered at most.
const OWNERS_MAX: usize = 1024;

/// Whose tokens are whose in the newest state of history, by hash. Those that expire are looked up
/// each time.
pub(crate) type Owners = Newest<HashMap<String, Caller>>;

/// What is kept of a token: BLAKE3 in hex. The token has 256 random bits, so nothing slower is
/// needed to keep it from being guessed.
#[must_use]
pub fn hash(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

/// A new token.
///
/// # Errors
/// When the system has no randomness to give.
pub fn fresh() -> Result<String, getrandom::Error> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// A token as a request presents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presented<'r> {
    /// In the `Authorization` header: a program.
    Bearer(&'r str),
    /// In the cookie: a browser.
    Cookie(&'r str),
    /// Not at all.
    Nothing,
}

/// The token a request presents. The header counts before the cookie.
pub(super) fn presented<'r>(
    headers: &'r HeaderMap,
    cookie: &str,
) -> Result<Presented<'r>, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let words = value.to_str().ok().and_then(|text| text.split_once(' '));
        return match words {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Presented::Bearer(token.trim()))
            }
            _ => Err(Problem::new(
                Code::Unauthorized,
                "the `Authorization` header is not understood; send `Bearer TOKEN`",
            )),
        };
    }
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|p| p.trim().split_once('='));
    let found = pairs.find(|(name, _)| *name == cookie);
    Ok(found.map_or(Presented::Nothing, |(_, token)| Presented::Cookie(token)))
}

/// Whose token it is; none if there is no such token, or no longer. History is asked for the hash,
/// never for the token: how long a comparison takes tells nothing of the secret.
pub(super) async fn owner(state: &State, token: &str) -> Result<Option<Caller>, Problem> {
    let (hash, commits) = (hash(token), state.store.commits());
    if let Some(caller) = state.owners.after(commits, |of| of.get(&hash).cloned()).flatten() {
        return Ok(Some(caller));
    }
    let asked = hash.clone();
    let found = state.store.read(move |r| r.token(&asked)).await;
    let Some(kept) = found.map_err(|error| crate::Failure::from(error).0)? else { return Ok(None) };
    let Some(scope) = Scope::from_word(&kept.scope) else { return Ok(None) };
    let caller = Caller { name: kept.name, scope: Some(scope) };
    if kept.expires_at.is_none() {
        state.owners.after(commits, |of| {
            if of.len() < OWNERS_MAX {
                of.insert(hash, caller.clone());
            }
        });
    }
    Ok(Some(caller))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_differ() {
        let (a, b) = (fresh().expect("randomness"), fresh().expect("randomness"));
        assert_eq!(a.len(), TOKEN_BYTES * 2);
        assert_ne!(a, b);
        assert_ne!(hash(&a), a);
    }

    #[test]
    fn a_token_comes_by_header_or_cookie() {
        let check = |name: header::HeaderName, value: &str, expected: Option<Presented<'_>>| {
            let headers = HeaderMap::from_iter([(name, value.parse().expect("a value"))]);
            assert_eq!(presented(&headers, "steading_1").ok(), expected, "{value}");
        };
        check(header::AUTHORIZATION, "Bearer abc", Some(Presented::Bearer("abc")));
        check(header::AUTHORIZATION, "bearer abc", Some(Presented::Bearer("abc")));
        check(header::AUTHORIZATION, "Basic abc", None);
        check(header::AUTHORIZATION, "abc", None);
        check(header::COOKIE, "a=1; steading_1=abc", Some(Presented::Cookie("abc")));
        check(header::COOKIE, "steading_2=abc", Some(Presented::Nothing));
    }
}
