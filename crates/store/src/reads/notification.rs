//! What is to be told outside, and what it is compared with.

use rusqlite::Row;
use steading_core::settle::Turn;
use steading_core::words::{BuildId, Micros, NotificationId, Outcome, Seq};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

statements! {
    WAITING = "SELECT id, notifier, turn, build_id, previous_build_id, attempts, next_at \
        FROM notification WHERE state = 'waiting' ORDER BY id LIMIT ?1";
    REACHED = "SELECT seq FROM reached WHERE name = ?1";
    VERDICT = "SELECT id, outcome FROM build WHERE builder = ?1 AND \
        branch IS NOT DISTINCT FROM ?2 AND number < ?3 AND finished_at IS NOT NULL \
        AND outcome IN ('success', 'warnings', 'failure', 'exception') \
        ORDER BY number DESC LIMIT 1";
    VERDICT_OF_CODE = "SELECT id, outcome FROM build WHERE builder = ?1 AND \
        branch IS NOT DISTINCT FROM ?2 AND number < ?3 AND finished_at IS NOT NULL \
        AND outcome IN ('success', 'warnings', 'failure') ORDER BY number DESC LIMIT 1";
}

/// Something that waits to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// The notifier it is for.
    pub notifier: String,
    /// What changed.
    pub turn: Turn,
    /// The build it tells of.
    pub build: BuildId,
    /// The build it is compared with.
    pub previous: Option<BuildId>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Micros,
}

impl Read<'_> {
    /// What waits to be told, oldest first, at most `limit`.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn notifications_waiting(&self, limit: usize) -> Result<Vec<Notification>, Error> {
        self.rows(WAITING, [i64::try_from(limit).unwrap_or(i64::MAX)], notification)
    }

    /// The event up to which whoever follows under that name has looked.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn reached(&self, name: &str) -> Result<Option<Seq>, Error> {
        self.row(REACHED, [name], |row| Ok(Seq(row.get(0)?)))
    }

    /// The newest verdict on a builder and branch before that number; with `of_code`, the farm's
    /// own exceptions do not count.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn verdict_before(
        &self,
        builder: &str,
        branch: Option<&str>,
        number: i64,
        of_code: bool,
    ) -> Result<Option<(BuildId, Outcome)>, Error> {
        let sql = if of_code { VERDICT_OF_CODE } else { VERDICT };
        let found = self.row(sql, (builder, branch, number), |row| {
            Ok((BuildId(row.get("id")?), parse::outcome(row)?))
        })?;
        Ok(found.and_then(|(id, outcome)| Some((id, outcome?))))
    }
}

fn notification(row: &Row<'_>) -> Result<Notification, Error> {
    Ok(Notification {
        id: NotificationId(row.get("id")?),
        notifier: row.get("notifier")?,
        turn: parse::word(row, "turn", Turn::from_word)?,
        build: BuildId(row.get("build_id")?),
        previous: row.get::<_, Option<i64>>("previous_build_id")?.map(BuildId),
        attempts: row.get("attempts")?,
        next_at: parse::time(row, "next_at")?.unwrap_or_default(),
    })
}
