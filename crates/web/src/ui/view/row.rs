//! Reading the fields of a row by name. A field that is absent or of another kind reads as empty:
//! a page that lacks a word is better than no page.

use serde::de::DeserializeOwned;
use steading_core::words::{Cell, Delta, Micros, Outcome, Properties, Reason};

/// A row of a noun, as history keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) Delta);

impl Row {
    /// A whole number; 0 when absent.
    pub(crate) fn int(&self, field: &str) -> i64 {
        self.maybe_int(field).unwrap_or(0)
    }

    /// A whole number, if there is one.
    pub(crate) fn maybe_int(&self, field: &str) -> Option<i64> {
        match self.0.get(field) {
            Some(Cell::Int(n)) => Some(*n),
            _ => None,
        }
    }

    /// A text; empty when absent.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.maybe_text(field).unwrap_or("")
    }

    /// A text, if there is one and it says something.
    pub(crate) fn maybe_text(&self, field: &str) -> Option<&str> {
        match self.0.get(field) {
            Some(Cell::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A time.
    pub(crate) fn time(&self, field: &str) -> Option<Micros> {
        self.maybe_int(field).map(Micros)
    }

    /// Yes or no.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.int(field) != 0
    }

    /// A structure.
    pub(crate) fn json<T: DeserializeOwned>(&self, field: &str) -> Option<T> {
        self.maybe_text(field).and_then(|text| serde_json::from_str(text).ok())
    }

    /// The outcome, once there is one.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.maybe_text("outcome").and_then(Outcome::from_word)
    }

    /// Why the outcome is what it is.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.json("outcome_reason")
    }

    /// Who paused it and why, to follow "paused "; empty when nobody did.
    pub(crate) fn paused(&self) -> String {
        match (self.maybe_text("paused_by"), self.maybe_text("paused_why")) {
            (Some(by), Some(why)) => format!("by {by}: {why}"),
            (Some(by), None) => format!("by {by}"),
            (None, _) => String::new(),
        }
    }

    /// The properties.
    pub(crate) fn properties(&self) -> Properties {
        self.json("properties").unwrap_or_default()
    }
}

impl<N: Into<String>, C: Into<Cell>> FromIterator<(N, C)> for Row {
    fn from_iter<I: IntoIterator<Item = (N, C)>>(cells: I) -> Row {
        Row(cells.into_iter().map(|(name, cell)| (name.into(), cell.into())).collect())
    }
}

impl From<Delta> for Row {
    fn from(cells: Delta) -> Row {
        Row(cells)
    }
}
