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

    /// The pictures of ARCHITECTURE.md are these tables, for the three nouns it draws.
    #[test]
    fn the_pictures_are_the_tables() {
        let page = include_str!("../../../../ARCHITECTURE.md");
        let pictures = page.split("stateDiagram-v2").skip(1).map(|it| {
            let picture = it.split("```").next().unwrap_or_default();
            let arrows = picture.lines().filter_map(|line| line.trim().split_once(" --> "));
            let moves = arrows.map(|(from, to)| (from, to.split(':').next().unwrap_or(to)));
            let mut moves: Vec<(String, String)> = moves
                .filter(|(from, to)| *from != "[*]" && *to != "[*]")
                .map(|(from, to)| (from.to_owned(), to.to_owned()))
                .collect();
            moves.sort();
            moves
        });
        let pictures: Vec<_> = pictures.collect();
        for table in tables().iter().take(3) {
            let moves = table.moves.iter().map(|m| (m.from.clone(), m.to.clone()));
            let mut moves: Vec<(String, String)> = moves.collect();
            moves.sort();
            assert!(pictures.contains(&moves), "no picture of ARCHITECTURE.md is {}", table.noun);
        }
    }
}
