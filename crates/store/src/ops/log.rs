//! Logs: opened when a step first prints, closed when they are whole.

use rusqlite::Row;
use steading_core::words::{BuildId, EventKind, LogId, StepId};

use super::row::cells;
use crate::archive::Summary;
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    KNOWN = "SELECT id, name FROM log WHERE step_id = ?1";
}

/// What a log is once nothing more comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// Bytes, before compression.
    pub bytes: i64,
    /// Lines.
    pub lines: i64,
    /// BLAKE3 of its bytes, as hex.
    pub hash: String,
}

impl LogEnd {
    /// Of a log that nobody wrote to.
    #[must_use]
    pub fn empty() -> LogEnd {
        LogEnd { bytes: 0, lines: 0, hash: blake3::hash(b"").to_hex().to_string() }
    }
}

impl From<&Summary> for LogEnd {
    /// What the archive says of a log it closed.
    fn from(summary: &Summary) -> LogEnd {
        let Summary { bytes, lines, hash } = summary;
        let counted = |n: &u64| i64::try_from(*n).unwrap_or(i64::MAX);
        LogEnd { bytes: counted(bytes), lines: counted(lines), hash: hash.clone() }
    }
}

impl Write<'_> {
    /// Opens a step's log; the same name again yields the same log.
    ///
    /// # Errors
    /// `NotFound` when the build has no such step, `Stale` when the build is finished.
    pub fn open_log(&mut self, build: BuildId, step: StepId, name: &str) -> Result<LogId, Error> {
        self.open_logs_of(build, step, &[name])?;
        let known = self.rows(KNOWN, [step.0], known)?;
        let found = known.into_iter().find(|(_, known)| known == name);
        found.map(|(id, _)| id).ok_or_else(|| Error::not_found(LogId::NOUN, name))
    }

    /// Opens those logs of a step that it does not have yet.
    ///
    /// # Errors
    /// As `open_log`.
    pub fn open_logs_of(
        &mut self,
        build: BuildId,
        step: StepId,
        names: &[&str],
    ) -> Result<(), Error> {
        let known = self.rows(KNOWN, [step.0], known)?;
        let is_new = |name: &&&str| !known.iter().any(|(_, known)| known == *name);
        let new: Vec<&&str> = names.iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.require_unfinished(build)?;
        self.require_step_of(build, step)?;
        new.into_iter().try_for_each(|name| self.insert_log(build, step, name))
    }

    fn insert_log(&mut self, build: BuildId, step: StepId, name: &str) -> Result<(), Error> {
        self.insert(
            EventKind::LogOpened,
            LogId::NOUN,
            cells! {
                build_id: build.0, step_id: step.0, name: name, closed: false,
                created_at: self.now(),
            },
            vec![],
        )
        .map(drop)
    }

    /// Closes a log; closing it again with the same hash changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when it is closed with another hash.
    pub fn close_log(&mut self, id: LogId, end: &LogEnd) -> Result<(), Error> {
        let log = self.log(id)?.ok_or_else(|| Error::not_found(LogId::NOUN, id))?;
        if log.closed {
            return if log.hash.as_deref() == Some(end.hash.as_str()) {
                Ok(())
            } else {
                Err(Error::Stale(format!("log {id} is closed already, with another hash")))
            };
        }
        self.patch(
            EventKind::LogClosed,
            LogId::NOUN,
            id.0,
            cells! { closed: true, bytes: end.bytes, lines: end.lines, hash: &end.hash },
        )
    }
}

fn known(row: &Row<'_>) -> Result<(LogId, String), Error> {
    Ok((LogId(row.get(0)?), row.get(1)?))
}
