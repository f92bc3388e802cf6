//! Idempotency keys: the answer to a write that may be asked for again.

use crate::sql::statements;
use crate::{Error, Write};

statements! {
    REMEMBER = "INSERT INTO idempotency (idempotency_key, fingerprint, answer, created_at) \
        VALUES (?1, ?2, ?3, ?4)";
}

impl Write<'_> {
    /// Keeps the answer given under a key, in the section that did what was asked; look with
    /// `remembered` first.
    ///
    /// # Errors
    /// `Stale` when the key is taken.
    pub fn remember(
        &mut self,
        key: &str,
        fingerprint: &str,
        answer: &serde_json::Value,
    ) -> Result<(), Error> {
        if self.remembered(key)?.is_some() {
            return Err(Error::Stale(format!("idempotency key `{key}` has an answer already")));
        }
        let now = self.now().0;
        self.execute(REMEMBER, (key, fingerprint, answer.to_string(), now))?;
        Ok(())
    }
}
