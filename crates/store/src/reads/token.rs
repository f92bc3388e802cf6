//! Tokens and idempotency keys.

use steading_core::words::Micros;

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

statements! {
    BY_HASH = "SELECT name, scope, worker, expires_at FROM token \
        WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)";
    ANSWER = "SELECT fingerprint, answer FROM idempotency WHERE idempotency_key = ?1";
}

/// A token that is known; its secret is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scope: String,
    /// The worker it belongs to, if it is a worker's.
    pub worker: Option<String>,
    /// When it ends, if ever.
    pub expires_at: Option<Micros>,
}

/// The answer once given under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What was asked then; another question under the same key is a client's mistake.
    pub fingerprint: String,
    /// What was answered.
    pub answer: serde_json::Value,
}

impl Read<'_> {
    /// The token of that hash, unless it has expired.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn token(&self, hash: &str) -> Result<Option<Token>, Error> {
        self.row(BY_HASH, (hash, self.now().0), token)
    }

    /// The answer once given under a key.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn remembered(&self, key: &str) -> Result<Option<Remembered>, Error> {
        self.row(ANSWER, [key], |row| {
            let answer = parse::json(row, "answer")?;
            Ok(Remembered { fingerprint: row.get("fingerprint")?, answer })
        })
    }
}

fn token(row: &rusqlite::Row<'_>) -> Result<Token, Error> {
    Ok(Token {
        name: row.get("name")?,
        scope: row.get("scope")?,
        worker: row.get("worker")?,
        expires_at: parse::time(row, "expires_at")?,
    })
}
