//! The two primitives through which every noun changes: each writes the row *and* appends the event
//! whose delta is exactly what it wrote. Nothing else in the crate writes a noun's public fields,
//! so folding the events always yields the rows.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use steading_core::words::{Cell, EventKind, Noun, noun};

use crate::sql::statements;
use crate::{Error, Write};

/// The shape of deltas written by this version, for every kind.
const EVENT_VERSION: i64 = 1;

statements! {
    EVENT = "INSERT INTO event (seq, at, kind, version, noun, noun_id, delta) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
}

/// What becomes the `words::Delta` of an event.
type Delta = BTreeMap<&'static str, Cell>;

/// Field names and values, in any order.
pub(super) type Cells = Vec<(&'static str, Cell)>;

/// `cells! { state: "ready", lost_at: None::<i64> }`
macro_rules! cells {
    ($($field:ident: $value:expr),* $(,)?) => {
        vec![$((stringify!($field), steading_core::words::Cell::from($value))),*]
    };
}
pub(super) use cells;

/// A structure as the text it is stored as.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Cell {
    let text =
        serde_json::to_string(value).expect("plain values with string keys always serialize");
    Cell::Text(text)
}

/// A structure that may be absent.
pub(super) fn json_or_null<T: serde::Serialize>(value: Option<&T>) -> Cell {
    value.map_or(Cell::Null, json)
}

/// A cell as a parameter.
pub(crate) struct Param<'a>(pub(crate) &'a Cell);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Cell::Null => ValueRef::Null,
            Cell::Int(number) => ValueRef::Integer(*number),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn noun_named(name: &'static str) -> &'static Noun {
    noun(name).expect("operations name nouns of `core::words::NOUNS` only")
}

fn insert_sql(table: &str, columns: &[&str]) -> String {
    let (mut names, mut places) = (String::with_capacity(512), String::with_capacity(256));
    for (index, column) in columns.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        names.extend([comma, column]);
        // Each write to a text succeeds.
        let _ = write!(places, "{comma}?{}", index + 1);
    }
    format!("INSERT INTO {table} ({names}) VALUES ({places}) RETURNING id")
}

fn update_sql(table: &str, columns: &[&str]) -> String {
    let mut set = String::with_capacity(256);
    for (index, column) in columns.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        // Each write to a text succeeds.
        let _ = write!(set, "{comma}{column} = ?{}", index + 1);
    }
    format!("UPDATE {table} SET {set} WHERE id = ?{}", columns.len() + 1)
}

impl Write<'_> {
    /// Adds a row and its event. Public fields not given are null; `hidden` columns make no event.
    pub(super) fn insert(
        &mut self,
        kind: EventKind,
        name: &'static str,
        cells: Cells,
        hidden: Cells,
    ) -> Result<i64, Error> {
        let noun = noun_named(name);
        let mut delta: Delta = noun.fields.iter().skip(1).map(|f| (f.name, Cell::Null)).collect();
        for (field, cell) in cells {
            let place = delta.get_mut(field);
            *place.expect("operations name public fields of their noun only") = cell;
        }
        let columns: Vec<&str> =
            delta.keys().copied().chain(hidden.iter().map(|(c, _)| *c)).collect();
        let params = delta.values().chain(hidden.iter().map(|(_, cell)| cell)).map(Param);
        let sql = insert_sql(name, &columns);
        let id = self.int(&sql, rusqlite::params_from_iter(params))?;
        delta.insert("id", Cell::Int(id));
        self.append(kind, name, id, &delta)?;
        Ok(id)
    }

    /// Changes public fields of a row and appends the event that says so.
    pub(super) fn patch(
        &mut self,
        kind: EventKind,
        name: &'static str,
        id: i64,
        cells: Cells,
    ) -> Result<(), Error> {
        let noun = noun_named(name);
        debug_assert!(cells.iter().all(|(field, _)| noun.field(field).is_some()), "{cells:?}");
        self.set(noun, id, &cells)?;
        self.append(kind, name, id, &cells.into_iter().collect())
    }

    /// Changes columns that are nobody else's business: no event.
    pub(super) fn patch_hidden(
        &mut self,
        name: &'static str,
        id: i64,
        cells: Cells,
    ) -> Result<(), Error> {
        let noun = noun_named(name);
        debug_assert!(cells.iter().all(|(field, _)| noun.field(field).is_none()), "{cells:?}");
        self.set(noun, id, &cells)
    }

    fn set(&mut self, noun: &'static Noun, id: i64, cells: &Cells) -> Result<(), Error> {
        let columns: Vec<&str> = cells.iter().map(|(column, _)| *column).collect();
        let sql = update_sql(noun.name, &columns);
        let id_cell = Cell::Int(id);
        let params = cells.iter().map(|(_, cell)| cell).chain([&id_cell]).map(Param);
        match self.execute(&sql, rusqlite::params_from_iter(params))? {
            0 => Err(Error::not_found(noun.name, id)),
            _ => Ok(()),
        }
    }

    fn append(
        &mut self,
        kind: EventKind,
        noun: &'static str,
        id: i64,
        delta: &Delta,
    ) -> Result<(), Error> {
        let (seq, at) = (self.next_seq(), self.now().0);
        let delta = serde_json::to_string(delta).expect("cells always serialize");
        self.execute(EVENT, (seq, at, kind.word(), EVENT_VERSION, noun, id, delta))?;
        Ok(())
    }
}

/// The statements the primitives make, one of each shape per noun, for the SQL lint.
#[cfg(test)]
pub(crate) fn generated() -> Vec<(String, String)> {
    let hidden = [
        ("configuration", "texts"),
        ("change", "scheduled"),
        ("claim", "locks"),
        ("build", "plan"),
        ("build", "cancelled"),
        ("step", "locks"),
        ("worker", "reset_build"),
        ("worker", "quarantines"),
        ("build", "forsaken"),
    ];
    let mut all = Vec::new();
    for noun in steading_core::words::NOUNS {
        let extra = hidden.iter().filter(|(n, _)| *n == noun.name).map(|(_, column)| *column);
        let columns: Vec<&str> = noun.fields.iter().skip(1).map(|f| f.name).chain(extra).collect();
        all.push((format!("insert {}", noun.name), insert_sql(noun.name, &columns)));
        all.push((format!("update {}", noun.name), update_sql(noun.name, &columns)));
    }
    all
}
