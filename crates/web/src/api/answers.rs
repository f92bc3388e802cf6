//! Answers from history: each says which state of history it is of, and is kept as long as that is
//! the newest.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use steading_store::{Error, Read};

use crate::newest::Newest;
use crate::{Failure, State};

/// Bytes of answers that are kept at most.
const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is asked of history: an answer depends on nothing else. Who may not read was turned away
/// before, and all others are told the same.
#[derive(Debug)]
pub(super) struct Asked {
    /// Path and query.
    what: String,
    /// `If-None-Match`: tags of answers the client has.
    has: String,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked, Infallible> {
        let what = parts.uri.path_and_query().map_or("", |what| what.as_str());
        let has = parts.headers.get(header::IF_NONE_MATCH).and_then(|has| has.to_str().ok());
        Ok(Asked { what: what.to_owned(), has: has.unwrap_or_default().to_owned() })
    }
}

impl Asked {
    /// The answer: JSON that `read` makes of history, unless the client or we have it.
    pub(super) async fn answer<F>(self, state: &State, read: F) -> Result<Response, Failure>
    where
        F: FnOnce(&Read<'_>) -> Result<Vec<u8>, Error> + Send + 'static,
    {
        // Before the look, so that an answer is never taken for newer than it is.
        let commits = state.store.commits();
        let tag = state.answers.tag(commits, &self.what);
        if self.has.contains(&tag) {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
        }
        let body = match state.answers.kept(commits, &self.what) {
            Some(body) => body,
            None => {
                let body = Bytes::from(state.store.read(read).await?);
                state.answers.keep(commits, self.what, body.clone());
                body
            }
        };
        Ok(([(header::CONTENT_TYPE, "application/json"), (header::ETAG, &tag)], body)
            .into_response())
    }
}

/// Answers of the newest state of history.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Makes tags that nobody else makes: another process counts its commits anew.
    tags: RandomState,
    kept: Newest<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By what was asked.
    bodies: HashMap<String, Bytes>,
    bytes: usize,
}

impl Answers {
    fn tag(&self, commits: u64, what: &str) -> String {
        format!("\"{:016x}\"", self.tags.hash_one((commits, what)))
    }

    fn kept(&self, commits: u64, what: &str) -> Option<Bytes> {
        self.kept.after(commits, |kept| kept.bodies.get(what).cloned()).flatten()
    }

    fn keep(&self, commits: u64, what: String, body: Bytes) {
        self.kept.after(commits, |kept| kept.add(what, body));
    }
}

impl Kept {
    /// Keeps an answer; where there is no room for it, all others go.
    fn add(&mut self, what: String, body: Bytes) {
        let bytes = what.len() + body.len();
        if bytes > KEPT_BYTES_MAX || self.bodies.contains_key(&what) {
            return;
        }
        if self.bytes + bytes > KEPT_BYTES_MAX {
            *self = Kept::default();
        }
        self.bytes += bytes;
        self.bodies.insert(what, body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_until_history_moves_and_never_more_than_there_is_room_for() {
        let answers = Answers::default();
        let has = |commits, what: &str| answers.kept(commits, what).is_some();
        let bytes = |commits| answers.kept.after(commits, |kept| kept.bytes);
        for _ in 0..2 {
            answers.keep(1, "/builds".to_owned(), Bytes::from_static(b"[1]"));
            assert_eq!(bytes(1), Some(10));
        }
        assert!(has(1, "/builds") && !has(1, "/workers") && !has(2, "/builds"));
        assert!(!has(1, "/builds") && !has(2, "/builds"));
        answers.keep(2, "/workers".to_owned(), Bytes::from_static(b"[]"));
        let large = |bytes| Bytes::from(vec![0; bytes]);
        answers.keep(2, "/a".to_owned(), large(KEPT_BYTES_MAX));
        assert!(!has(2, "/a") && has(2, "/workers"));
        answers.keep(2, "/b".to_owned(), large(KEPT_BYTES_MAX - 2));
        assert!(has(2, "/b") && !has(2, "/workers"));
        assert_eq!(bytes(2), Some(KEPT_BYTES_MAX));
    }

    #[test]
    fn a_tag_tells_states_paths_and_processes_apart() {
        let answers = Answers::default();
        assert_eq!(answers.tag(1, "/builds"), answers.tag(1, "/builds"));
        assert_ne!(answers.tag(1, "/builds"), answers.tag(2, "/builds"));
        assert_ne!(answers.tag(1, "/builds"), answers.tag(1, "/workers"));
        assert_ne!(answers.tag(1, "/builds"), Answers::default().tag(1, "/builds"));
    }
}
