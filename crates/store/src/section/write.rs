//! The write section: the handle a section's closure gets.

use std::ops::Deref;

use rusqlite::{Connection, Params};
use steading_core::words::Micros;

use super::Read;
use crate::Error;

/// The handle of a write section; the operations it offers are in `ops/`, one file per noun. Reads
/// through it see what the section itself has written.
#[derive(Debug)]
pub struct Write<'c> {
    read: Read<'c>,
    seq: i64,
}

impl<'c> Deref for Write<'c> {
    type Target = Read<'c>;

    fn deref(&self) -> &Read<'c> {
        &self.read
    }
}

impl<'c> Write<'c> {
    /// `seq` is the newest event before this section.
    pub(super) fn new(conn: &'c Connection, now: Micros, seq: i64) -> Write<'c> {
        Write { read: Read::new(conn, now), seq }
    }

    /// The newest event, this section's own included.
    pub(crate) fn seq(&self) -> i64 {
        self.seq
    }

    /// How many statements this section ran so far.
    pub(super) fn statements(&self) -> u64 {
        self.read.statements()
    }

    /// The number of the next event. It is counted here and not by the database: a section that is
    /// undone must not leave a gap.
    pub(crate) fn next_seq(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }

    /// Runs a statement that changes rows; says how many.
    pub(crate) fn execute(&mut self, sql: &str, params: impl Params) -> Result<usize, Error> {
        Ok(self.read.statement(sql)?.execute(params)?)
    }
}
