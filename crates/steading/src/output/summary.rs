//! The end of a run: a table of verdicts, then the evidence of what failed.

use std::io;

use steading_core::words::Micros;

use super::glyph::{look, state_of};
use super::lines::{blank, line};
use super::table::{Colours, Grid, Slot};
use crate::follow::Model;

/// The last lines of a failed step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    /// `hello/17`.
    pub(crate) build: String,
    /// The step's name.
    pub(crate) step: String,
    /// Why it failed.
    pub(crate) reason: String,
    /// What it wrote last.
    pub(crate) lines: Vec<String>,
}

impl Tail {
    fn text(&self) -> String {
        let colon = if self.reason.is_empty() { "" } else { ": " };
        let mut text = format!("✗ {} · {}{colon}{}", self.build, self.step, self.reason);
        for line in &self.lines {
            text.push_str("\n  │ ");
            text.push_str(line);
        }
        if !self.lines.is_empty() {
            text.push_str(&format!("\n  whole log: steading log {} {}", self.build, self.step));
        }
        text
    }
}

/// Prints table and tails.
pub(crate) fn summary(model: &Model, tails: &[Tail], now: Micros) -> io::Result<()> {
    blank()?;
    line(table(model, now, Colours::of_stdout()))?;
    for tail in tails {
        blank()?;
        line(tail.text())?;
    }
    Ok(())
}

fn table(model: &Model, now: Micros, colours: Colours) -> String {
    let mut grid = Grid::new(&["BUILD", "OUTCOME", "TOOK", "USUALLY", "WORKER"], colours);
    for request in model.requests.values() {
        let worker = request.build.as_ref().map(|b| super::text(b, "worker"));
        grid.row(vec![
            Slot::Text(request.label()),
            Slot::State(look(state_of(&request.row))),
            Slot::Number(request.took(now)),
            Slot::Number(request.usual.map(|u| u.to_string()).unwrap_or_default()),
            Slot::Text(worker.unwrap_or_default()),
        ]);
    }
    grid.text()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_opens_at_its_evidence() {
        let tail = Tail {
            build: "hello/17".into(),
            step: "test".into(),
            reason: "exited with 1".into(),
            lines: vec!["assertion failed".into(), "at line 3".into()],
        };
        insta::assert_snapshot!(tail.text(), @r"
        ✗ hello/17 · test: exited with 1
          │ assertion failed
          │ at line 3
          whole log: steading log hello/17 test
        ");
    }

    #[test]
    fn verdicts_stand_in_a_table() {
        let mut model = Model::default();
        let rows = [
            (json!({"id": 1, "builder": "hello", "state": "complete", "outcome": "success"}), 3),
            (json!({"id": 2, "builder": "docs", "state": "complete", "outcome": "failure"}), 1),
        ];
        for (row, number) in rows {
            let row = row.as_object().expect("an object").clone();
            let build = json!({
                "id": row["id"], "request_id": row["id"], "builder": row["builder"],
                "number": number, "worker": "barn", "started_at": "2026-01-01T00:00:00Z",
                "finished_at": "2026-01-01T00:00:03Z",
            });
            model.put_request(row);
            model.put_build(build.as_object().expect("an object").clone());
        }
        model.put_usual("hello", Some(steading_core::words::Duration::seconds(2)));
        insta::assert_snapshot!(table(&model, Micros(0), Colours::Off), @r"
        BUILD    OUTCOME    TOOK   USUALLY  WORKER
        hello/3  ✓ success  3.0 s    2.0 s  barn
        docs/1   ✗ failure  3.0 s           barn
        ");
    }
}
