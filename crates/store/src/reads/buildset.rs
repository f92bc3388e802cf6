//! Buildsets.

use steading_core::words::{BuildsetId, ChangeId, ConfigId, Micros, Outcome, Reason, SourceStamp};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

statements! {
    BY_ID = "SELECT id, reason, scheduler, owner, source_stamps, changes, configuration_id, \
        submitted_at, complete_at, outcome, outcome_reason FROM buildset WHERE id = ?1";
    NEWEST = "SELECT MAX(id) FROM buildset";
    OUTCOMES = "SELECT outcome FROM request WHERE buildset_id = ?1 ORDER BY id";
}

/// A buildset, as settle and the verdict of `force --wait` need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buildset {
    /// Its id.
    pub id: BuildsetId,
    /// Why it exists.
    pub reason: String,
    /// The scheduler that made it.
    pub scheduler: Option<String>,
    /// Who asked for it.
    pub owner: Option<String>,
    /// Which code.
    pub stamps: Vec<SourceStamp>,
    /// The changes it is blamed on.
    pub changes: Vec<ChangeId>,
    /// The configuration it began with.
    pub configuration_id: ConfigId,
    /// When it was submitted.
    pub submitted_at: Micros,
    /// When its last request completed.
    pub complete_at: Option<Micros>,
    /// The worst outcome of its requests.
    pub outcome: Option<Outcome>,
    /// Why.
    pub outcome_reason: Option<Reason>,
}

impl Read<'_> {
    /// A buildset.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn buildset(&self, id: BuildsetId) -> Result<Option<Buildset>, Error> {
        self.row(BY_ID, [id.0], |row| {
            Ok(Buildset {
                id,
                reason: row.get("reason")?,
                scheduler: row.get("scheduler")?,
                owner: row.get("owner")?,
                stamps: parse::json(row, "source_stamps")?,
                changes: parse::json(row, "changes")?,
                configuration_id: ConfigId(row.get("configuration_id")?),
                submitted_at: Micros(row.get("submitted_at")?),
                complete_at: parse::time(row, "complete_at")?,
                outcome: parse::outcome(row)?,
                outcome_reason: parse::reason(row)?,
            })
        })
    }

    pub(super) fn newest_buildset(&self) -> Result<Option<BuildsetId>, Error> {
        let id = self.row(NEWEST, [], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
        Ok(id.flatten().map(BuildsetId))
    }

    /// The outcome of each request of a buildset; `None` for those without one yet.
    pub(crate) fn outcomes_of(&self, id: BuildsetId) -> Result<Vec<Option<Outcome>>, Error> {
        self.rows(OUTCOMES, [id.0], parse::outcome)
    }
}
