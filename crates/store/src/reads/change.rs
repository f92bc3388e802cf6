//! Changes, branch tips and quiet-period timers.

use std::collections::BTreeMap;

use rusqlite::Row;
use steading_core::trigger::Timer;
use steading_core::words::{Change, ChangeId, Micros};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, repository, branch, revision, author, message, files, commits, \
             committed_at, created_at FROM change ",
            $tail
        )
    };
}

statements! {
    BY_ID = select!("WHERE id = ?1");
    TO_SCHEDULE = select!("WHERE scheduled = 0 ORDER BY id LIMIT ?1");
    TIPS = "SELECT branch, revision FROM tip WHERE repository = ?1 ORDER BY branch";
    TIMERS = "SELECT scheduler, repository, branch, first_at, fire_at, changes, revision \
        FROM timer ORDER BY scheduler, repository, branch";
}

impl Read<'_> {
    /// A change.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn change(&self, id: ChangeId) -> Result<Option<Change>, Error> {
        self.row(BY_ID, [id.0], change)
    }

    /// Changes no scheduler has seen yet, oldest first, at most `limit`.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn changes_to_schedule(&self, limit: usize) -> Result<Vec<Change>, Error> {
        self.rows(TO_SCHEDULE, [i64::try_from(limit).unwrap_or(i64::MAX)], change)
    }

    /// Where each branch of a repository stood when it was last looked at.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn tips(&self, repository: &str) -> Result<BTreeMap<String, String>, Error> {
        let tips = self.rows(TIPS, [repository], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(tips.into_iter().collect())
    }

    /// Every armed timer.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn timers(&self) -> Result<Vec<Timer>, Error> {
        self.rows(TIMERS, [], |row| {
            Ok(Timer {
                scheduler: row.get("scheduler")?,
                repository: row.get("repository")?,
                branch: row.get("branch")?,
                first_at: parse::time(row, "first_at")?,
                fire_at: parse::time(row, "fire_at")?,
                changes: parse::json(row, "changes")?,
                revision: row.get("revision")?,
            })
        })
    }
}

fn change(row: &Row<'_>) -> Result<Change, Error> {
    Ok(Change {
        id: ChangeId(row.get("id")?),
        repository: row.get("repository")?,
        branch: row.get("branch")?,
        revision: row.get("revision")?,
        author: row.get("author")?,
        message: row.get("message")?,
        files: parse::json(row, "files")?,
        commits: parse::json_or_null(row, "commits")?,
        committed_at: Micros(row.get("committed_at")?),
        created_at: Micros(row.get("created_at")?),
    })
}
