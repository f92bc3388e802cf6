//! Tables: plain columns, colours only where a person reads along.

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};

use super::glyph::Look;
use super::lines::is_terminal;

/// Terminals that are narrower, or do not say how wide they are, wrap lines themselves.
const WIDTH_MIN: u16 = 40;

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    /// A terminal, and `NO_COLOR` is not set.
    On,
    /// A file, a pipe, or a person who does not want them.
    Off,
}

impl Colours {
    /// For standard output.
    pub(crate) fn of_stdout() -> Colours {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if is_terminal() && !unwanted { Colours::On } else { Colours::Off }
    }
}

/// A table in the making.
pub(crate) struct Grid {
    table: Table,
    colours: Colours,
}

impl Grid {
    /// A table with these heads.
    pub(crate) fn new(heads: &[&str], colours: Colours) -> Grid {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match colours {
            Colours::On => table.enforce_styling(),
            Colours::Off => table.force_no_tty(),
        };
        // A pipe gets every character; a terminal gets lines that fit, if it has room for any.
        let room = is_terminal() && table.width().is_some_and(|width| width >= WIDTH_MIN);
        let arrangement =
            if room { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
        table.set_content_arrangement(arrangement);
        table.set_header(heads.iter().map(|head| Cell::new(head).add_attribute(Attribute::Dim)));
        Grid { table, colours }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Slot>) {
        let colours = self.colours;
        self.table.add_row(cells.into_iter().map(|slot| slot.cell(colours)));
    }

    /// The table as text, without blanks at line ends.
    pub(crate) fn text(&self) -> String {
        let text = self.table.to_string();
        let lines = text.lines().map(|line| {
            let line = line.strip_prefix(' ').unwrap_or(line);
            line.trim_end()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// One cell.
pub(crate) enum Slot {
    /// Words.
    Text(String),
    /// A number or a duration: aligned to the right.
    Number(String),
    /// A state.
    State(Look),
}

impl Slot {
    fn cell(self, colours: Colours) -> Cell {
        match self {
            Slot::Text(text) => Cell::new(text),
            Slot::Number(text) => Cell::new(text).set_alignment(CellAlignment::Right),
            Slot::State(look) => match (look.colour, colours) {
                (Some(colour), Colours::On) => Cell::new(look.text()).fg(colour),
                _ => Cell::new(look.text()),
            },
        }
    }
}

/// Names and values, one pair a line, values aligned.
pub(crate) fn pairs(pairs: &[(String, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let indent = format!("\n{:width$}  ", "");
    let line = |(name, value): &(String, String)| {
        format!("{name:width$}  {}", value.trim_end().replace('\n', &indent))
    };
    pairs.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::glyph::look;
    use super::*;

    #[test]
    fn a_pipe_gets_plain_columns() {
        let mut grid = Grid::new(&["BUILD", "STATE", "TOOK"], Colours::Off);
        grid.row(vec![
            Slot::Text("hello/1".into()),
            Slot::State(look("success")),
            Slot::Number("1.2 s".into()),
        ]);
        grid.row(vec![
            Slot::Text("hello/12".into()),
            Slot::State(look("running")),
            Slot::Number("1:02:03".into()),
        ]);
        insta::assert_snapshot!(grid.text(), @r"
        BUILD     STATE      TOOK
        hello/1   ✓ success    1.2 s
        hello/12  ▶ running  1:02:03
        ");
    }

    #[test]
    fn colours_are_only_given_where_wanted() {
        let text = |colours| {
            let mut grid = Grid::new(&["STATE"], colours);
            grid.row(vec![Slot::State(look("failure"))]);
            grid.text()
        };
        assert!(text(Colours::On).contains("\u{1b}["));
        assert!(!text(Colours::Off).contains('\u{1b}'));
    }

    #[test]
    fn values_stand_below_each_other() {
        let text = pairs(&[("id".into(), "7".into()), ("message".into(), "one\ntwo\n".into())]);
        assert_eq!(text, "id       7\nmessage  one\n         two");
    }
}
