//! The read section: a consistent view of history at one moment.

use std::cell::Cell;

use rusqlite::{CachedStatement, Connection, Params};
use steading_core::words::Micros;

use crate::Error;

/// A consistent view of history; what it offers is in `reads/` and `query/`. It has no way to
/// write, and its connection would refuse to.
pub struct Read<'c> {
    conn: &'c Connection,
    now: Micros,
    statements: Cell<u64>,
}

impl std::fmt::Debug for Read<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Read").field("now", &self.now).finish_non_exhaustive()
    }
}

impl<'c> Read<'c> {
    pub(super) fn new(conn: &'c Connection, now: Micros) -> Read<'c> {
        Read { conn, now, statements: Cell::new(0) }
    }

    /// The time of this section; it does not move while the section runs.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.now
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &'c Connection {
        self.conn
    }

    /// A statement, counted.
    pub(super) fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.statements.set(self.statements.get() + 1);
        self.conn.prepare_cached(sql)
    }

    /// How many statements this section ran so far.
    pub(super) fn statements(&self) -> u64 {
        self.statements.get()
    }

    /// Every row a statement yields.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut map: impl FnMut(&rusqlite::Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        self.each(sql, params, |row| map(row).map(|mapped| found.push(mapped)))?;
        Ok(found)
    }

    /// Shows every row a statement yields.
    pub(crate) fn each(
        &self,
        sql: &str,
        params: impl Params,
        mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    }

    /// The first row a statement yields, if any.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&rusqlite::Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(map).transpose()
    }

    /// The single integer of a statement that always yields one.
    pub(crate) fn int(&self, sql: &str, params: impl Params) -> Result<i64, Error> {
        Ok(self.row(sql, params, |row| Ok(row.get(0)?))?.unwrap_or(0))
    }
}
