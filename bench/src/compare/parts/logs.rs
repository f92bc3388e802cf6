//! Logs: how fast one build's output is taken in, and how soon a screen of a long one is there.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::Value;

use super::latency::percentile;
use crate::compare::peers::SteadingFarm;
use crate::compare::row::{Better, Goal, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::system::{System, Work, scratch};
use crate::process::clock;

/// Bytes of a line, newline included.
const LINE_BYTES: usize = 100;
/// Megabytes a slow peer gets.
const FEW_MB: usize = 20;

const INGEST: &str = "The step is `cat FILE`, lines of 100 bytes; the time is of the whole build, \
    until every byte is stored (Steading: synced, compressed, indexed by line, with a hash).";
const SCREEN: &str = "`GET /logs/ID?first=…&count=100` at 60 places of the log, `tail=50` among \
    them, one connection.";

/// Megabytes of log per second.
pub(super) fn ingest(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let mb = bench.options.size(100, 400);
    let mut row = Row::new("ingest", "log of one build, taken in", "MB/s", Better::More)
        .goal(Goal::Value(200.0))
        .note(INGEST);
    let dir = scratch()?;
    let (many, few) = (dir.path().join("many"), dir.path().join("few"));
    write_lines(&many, mb)?;
    write_lines(&few, FEW_MB)?;
    let cat = |file: &Path| {
        let command = vec!["cat".to_owned(), file.display().to_string()];
        Work { builders: 1, workers: 1, steps: 1, command }
    };
    let mut systems: Vec<(Box<dyn System + '_>, usize)> =
        vec![(Box::new(SteadingFarm::start(&bench.steading, &cat(&many))?), mb)];
    if let Ok(buildbot) = &bench.peers.buildbot {
        systems.push((Box::new(buildbot.start(&cat(&few))?), FEW_MB));
    }
    if let Ok(laminar) = &bench.peers.laminar {
        systems.push((Box::new(laminar.start(&cat(&many))?), mb));
    }
    for _ in 0..bench.options.rounds(3) {
        for (system, mb) in &mut systems {
            let seconds = system.through(1)?;
            row.add(system.name(), *mb as f64 / seconds);
            system.audit()?;
        }
    }
    rows.push(row);
    Ok(())
}

fn write_lines(file: &Path, mb: usize) -> io::Result<()> {
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    for number in 0..mb * 1_000_000 / LINE_BYTES {
        let module = number % 9_973;
        let line = format!("{number:09} cc -O2 -Wall -c src/module_{module}.c -o obj/{module}.o");
        writeln!(out, "{line:.<width$}", width = LINE_BYTES - 1)?;
    }
    out.flush()
}

/// The first screen of a long log.
pub(super) fn screen(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let lines = bench.options.size(1_000_000_u64, 10_000_000);
    let name = format!("a screen of a log of {lines} lines, p99");
    let mut row =
        Row::new("screen", name, "ms", Better::Less).goal(Goal::Value(200.0)).note(SCREEN);
    let command = vec!["seq".to_owned(), lines.to_string()];
    let work = Work { builders: 1, workers: 1, steps: 1, command };
    let mut system = SteadingFarm::start(&bench.steading, &work)?;
    system.through(1)?;
    let logs = system.http.get("/logs?fields=id,name,lines&order=-lines&limit=1")?;
    let (id, had) = (&logs["items"][0]["id"], &logs["items"][0]["lines"]);
    if had.as_u64() != Some(lines) {
        return Err(io::Error::other(format!("the log has {had} lines")));
    }
    for _ in 0..bench.options.rounds(3) {
        let mut spans = Vec::new();
        for place in 0..60 {
            let path = match place {
                0 => format!("/logs/{id}?tail=50"),
                _ => format!("/logs/{id}?first={}&count=100", lines / 60 * place + 1),
            };
            let began = clock();
            let answer = system.http.get(&path)?;
            spans.push(began.elapsed().as_secs_f64() * 1e3);
            if answer["lines"].as_array().is_none_or(Vec::is_empty) {
                return Err(io::Error::other(format!("{path}: {}", short(&answer))));
            }
        }
        row.add(STEADING, percentile(&mut spans, 99));
    }
    rows.push(row);
    Ok(())
}

fn short(answer: &Value) -> String {
    answer.to_string().chars().take(200).collect()
}
