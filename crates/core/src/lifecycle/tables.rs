//! The tables as words, for `steading show lifecycle` and the documents.

use std::fmt;

use super::deadlines::{DEADLINES, Deadline};
use super::moves::{BUILD, CLAIM, Move, REQUEST, STEP, WORKER};

/// One move, as words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// What brings it about.
    pub cause: &'static str,
}

/// The life of one noun.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Table {
    /// Whose life it is.
    pub noun: &'static str,
    /// The state it begins in.
    pub begins: &'static str,
    /// Its legal moves, in the order of its life.
    pub moves: Vec<Row>,
    /// How long each state that is not an end may last.
    pub deadlines: Vec<Deadline>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (begins `{}`)", self.noun, self.begins)?;
        let width = |pick: fn(&Row) -> &String| {
            self.moves.iter().map(|m| pick(m).len()).max().unwrap_or_default()
        };
        let (from, to) = (width(|m| &m.from), width(|m| &m.to));
        for row in &self.moves {
            writeln!(f, "  {:from$} → {:to$}  {}", row.from, row.to, row.cause)?;
        }
        for Deadline { state, limit, then, .. } in &self.deadlines {
            writeln!(f, "  {state:from$} lasts {limit}; then: {then}")?;
        }
        Ok(())
    }
}

/// Every table.
#[must_use]
pub fn tables() -> Vec<Table> {
    vec![
        table("request", "pending", REQUEST),
        table("claim", "offered", CLAIM),
        table("build", "running", BUILD),
        table("step", "running", STEP),
        table("worker", "offline", WORKER),
    ]
}

fn table<S: fmt::Display>(noun: &'static str, begins: &'static str, moves: &[Move<S>]) -> Table {
    let row = |m: &Move<S>| Row { from: m.from.to_string(), to: m.to.to_string(), cause: m.cause };
    let deadlines = DEADLINES.iter().filter(|d| d.noun == noun).copied().collect();
    Table { noun, begins, moves: moves.iter().map(row).collect(), deadlines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_printed_in_columns() {
        let claim = tables().remove(1).to_string();
        let expected = "claim (begins `offered`)\n  offered → accepted   the worker took it";
        assert!(claim.starts_with(expected), "{claim}");
    }
}
