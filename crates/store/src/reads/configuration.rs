//! Configurations.

use steading_core::words::ConfigId;

use super::parse;
use crate::sql::statements;
use crate::{ConfigurationText, Error, Read};

statements! {
    BY_ID = "SELECT hash, evaluator, texts FROM configuration WHERE id = ?1";
    CURRENT = "SELECT id FROM configuration ORDER BY applied_at DESC, id DESC LIMIT 1";
}

impl Read<'_> {
    /// A configuration's texts.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn configuration(&self, id: ConfigId) -> Result<Option<ConfigurationText>, Error> {
        self.row(BY_ID, [id.0], |row| {
            Ok(ConfigurationText {
                hash: row.get("hash")?,
                evaluator: row.get("evaluator")?,
                files: parse::json(row, "texts")?,
            })
        })
    }

    /// The farm's configuration: the one applied last.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn current_configuration(&self) -> Result<Option<ConfigId>, Error> {
        self.row(CURRENT, [], |row| Ok(ConfigId(row.get(0)?)))
    }
}
