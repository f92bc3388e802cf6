//! The event stream.

use rusqlite::{Connection, Row};
use steading_core::words::{Delta, Event, Micros, Seq};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

statements! {
    AT = "SELECT at FROM event WHERE seq = ?1";
    NEWEST = "SELECT COALESCE(MAX(seq), 0) FROM event";
    OLDEST = "SELECT MIN(seq) FROM event";
    SINCE = "SELECT seq, at, kind, version, noun, noun_id, delta FROM event \
        WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    GLIMPSED = "SELECT kind, noun, noun_id, delta FROM event \
        WHERE seq > ?1 ORDER BY seq LIMIT ?2";
}

/// What an event is about; what it changed is read when that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Glimpse<'r> {
    /// What happened.
    pub kind: &'r str,
    /// To what.
    pub noun: &'r str,
    /// Which one.
    pub noun_id: i64,
    delta: &'r str,
}

impl Glimpse<'_> {
    /// The fields it changed.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be read.
    pub fn delta(&self) -> Result<Delta, Error> {
        parse::from_json("delta", self.delta)
    }
}

/// The newest event of a database that is just being opened.
pub(crate) fn newest_seq_of(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row(NEWEST, [], |row| row.get(0))
}

impl Read<'_> {
    /// When the newest event was written, by the clock of then; absent on an empty history.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn newest_event_at(&self) -> Result<Option<Micros>, Error> {
        self.row(AT, [self.newest_seq()?.0], |row| Ok(Micros(row.get(0)?)))
    }

    /// The newest event this section sees: the `as_of` of what it answers. 0 on an empty history.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn newest_seq(&self) -> Result<Seq, Error> {
        Ok(Seq(self.int(NEWEST, [])?))
    }

    /// The oldest event still kept, if any.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn oldest_event(&self) -> Result<Option<Seq>, Error> {
        let seq = self.row(OLDEST, [], |row| Ok(row.get::<_, Option<i64>>(0)?))?;
        Ok(seq.flatten().map(Seq))
    }

    /// Whether nothing ever happened here.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn is_empty_history(&self) -> Result<bool, Error> {
        Ok(self.newest_buildset()?.is_none())
    }

    /// The events after `since`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn events(&self, since: Seq, limit: usize) -> Result<Vec<Event>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(SINCE, (since.0, limit), event)
    }

    /// Shows the events after `since`, oldest first, at most `limit`; says how many those were.
    ///
    /// # Errors
    /// What `hear` says; otherwise only when the database fails.
    pub fn glimpse_events(
        &self,
        since: Seq,
        limit: usize,
        mut hear: impl FnMut(Glimpse<'_>) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let heard = self.rows(GLIMPSED, (since.0, limit), |row| {
            let text = |index| -> Result<&str, Error> {
                Ok(row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?)
            };
            let (kind, noun, delta) = (text(0)?, text(1)?, text(3)?);
            hear(Glimpse { kind, noun, noun_id: row.get(2)?, delta })
        })?;
        Ok(heard.len())
    }
}

pub(super) fn event(row: &Row<'_>) -> Result<Event, Error> {
    Ok(Event {
        seq: Seq(row.get("seq")?),
        at: Micros(row.get("at")?),
        kind: row.get("kind")?,
        version: row.get("version")?,
        noun: row.get("noun")?,
        noun_id: row.get("noun_id")?,
        delta: parse::json(row, "delta")?,
    })
}
