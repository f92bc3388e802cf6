//! Tokens: only their hashes are kept, and nothing of them is in the event stream.

use steading_core::words::Micros;

use crate::sql::statements;
use crate::{Error, Write};

statements! {
    ADD = "INSERT INTO token (name, scope, hash, worker, expires_at, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
        ON CONFLICT (name) DO UPDATE SET \
        scope = excluded.scope, hash = excluded.hash, worker = excluded.worker, \
        expires_at = excluded.expires_at, created_at = excluded.created_at";
    REVOKE = "DELETE FROM token WHERE name = ?1";
}

/// A token to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What people call it; unique.
    pub name: String,
    /// What it may do.
    pub scope: String,
    /// The hash of its secret.
    pub hash: String,
    /// The worker it belongs to, if it is a worker's.
    pub worker: Option<String>,
    /// When it ends, if ever.
    pub expires_at: Option<Micros>,
}

impl Write<'_> {
    /// Makes a token known, replacing the one of the same name.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn add_token(&mut self, new: &NewToken) -> Result<(), Error> {
        let NewToken { name, scope, hash, worker, expires_at } = new;
        let (expires_at, now) = (expires_at.map(|at| at.0), self.now().0);
        self.execute(ADD, (name, scope, hash, worker, expires_at, now))?;
        Ok(())
    }

    /// Forgets a token; says whether there was one.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn revoke_token(&mut self, name: &str) -> Result<bool, Error> {
        Ok(self.execute(REVOKE, [name])? > 0)
    }
}
