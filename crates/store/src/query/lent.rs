//! Rows that are lent: read where they lie, copied by nobody who does not want them.

use std::borrow::Cow;

use rusqlite::types::ValueRef;
use steading_core::words::{Cell, CellRef, Field};

use super::Row;
use crate::Error;

/// A row, as long as the next one is not asked for.
pub struct Lent<'r, 's> {
    row: &'r rusqlite::Row<'s>,
    /// What its first columns are.
    fields: &'r [&'static Field],
}

impl std::fmt::Debug for Lent<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent").field("fields", &self.fields.len()).finish_non_exhaustive()
    }
}

impl<'r, 's> Lent<'r, 's> {
    pub(super) fn new(row: &'r rusqlite::Row<'s>, fields: &'r [&'static Field]) -> Lent<'r, 's> {
        Lent { row, fields }
    }

    /// Lends each field that was asked for, in the order of the noun's table.
    ///
    /// # Errors
    /// When a column holds what no field can.
    pub fn each(&self, mut take: impl FnMut(&'static Field, CellRef<'_>)) -> Result<(), Error> {
        for (column, field) in self.fields.iter().enumerate() {
            lend(self.row, column, field, |cell| take(field, cell))?;
        }
        Ok(())
    }

    /// A copy.
    ///
    /// # Errors
    /// When a column holds what no field can.
    pub fn keep(&self) -> Result<Row, Error> {
        let mut row = Row::new();
        self.each(|field, cell| drop(row.insert(field.name.to_owned(), cell.into())))?;
        Ok(row)
    }
}

/// A copy of what a column holds.
pub(super) fn keep(row: &rusqlite::Row<'_>, column: usize, field: &Field) -> Result<Cell, Error> {
    lend(row, column, field, |cell| cell.into())
}

/// Lends what a column holds.
fn lend<T>(
    row: &rusqlite::Row<'_>,
    column: usize,
    field: &Field,
    take: impl FnOnce(CellRef<'_>) -> T,
) -> Result<T, Error> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(take(CellRef::Null)),
        ValueRef::Integer(number) => Ok(take(CellRef::Int(number))),
        ValueRef::Text(bytes) => {
            // Looking for what is no text piece by piece takes longer.
            let text = str::from_utf8(bytes).map(Cow::Borrowed);
            let text = text.unwrap_or_else(|_| String::from_utf8_lossy(bytes));
            Ok(take(CellRef::Text(&text)))
        }
        other @ (ValueRef::Real(_) | ValueRef::Blob(_)) => {
            Err(Error::corrupt(field.name, format!("{:?}", other.data_type())))
        }
    }
}
