//! A whole comparison: peers, parts one after the other, the table.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::options::Options;
use super::parts::PARTS;
use super::peers::Peers;
use super::row::Row;
use super::{machine, table};
use crate::compare::history::kept;
use crate::compare::parts::curves;
use crate::compare::svg::picture;
use crate::farm::steading;
use crate::process::clock;

/// Histories that are kept.
const HISTORIES: &[usize] = &[1_000, 10_000, 100_000, 1_000_000];
/// What the table stands between, in the documentation.
const BEGIN: &str = "<!-- written by bench compare --docs -->";
const END: &str = "<!-- end -->";

/// What every part is given.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) steading: PathBuf,
    pub(crate) peers: Peers,
}

/// Measures and prints; fails when a part broke off.
pub(crate) fn run(options: &Options) -> ExitCode {
    match measure(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("the comparison broke off: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> io::Result<bool> {
    let began = clock();
    let bench = Bench {
        options: options.clone(),
        steading: steading(options.steading.as_deref())?,
        peers: Peers::prepare(options)?,
    };
    println!("peers: {}", bench.peers.said().join("; "));
    if options.prepare {
        return prepare(&bench).map(|()| true);
    }
    let (mut rows, mut broken) = (Vec::new(), Vec::new());
    for (name, quick, part) in PARTS {
        let wanted = match options.only.is_empty() {
            true => *quick || !options.quick,
            false => options.only.iter().any(|only| only == name),
        };
        if !wanted {
            continue;
        }
        println!("{name} … (load {:.1}, {} s so far)", machine::load(), began.elapsed().as_secs());
        let before = rows.len();
        let ended = part(&bench, &mut rows);
        println!("{}", table::markdown(&rows[before..]));
        if let Err(error) = ended {
            println!("{name} broke off: {error}");
            broken.push(format!("{name} broke off: {error}"));
        }
    }
    let text = document(&bench, &rows, &broken, began.elapsed().as_secs());
    println!("{text}");
    if let Some(file) = &options.markdown {
        std::fs::write(file, &text)?;
    }
    if let Some(docs) = &options.docs {
        write_docs(docs, &text, &rows)?;
    }
    if let Some(file) = &options.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        let all = json!({ "machine": machine::machine(), "at": machine::today(),
            "peers": bench.peers.said(), "rows": rows, "broken": broken });
        std::fs::write(file, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(broken.is_empty())
}

/// Makes what takes long and is kept.
fn prepare(bench: &Bench) -> io::Result<()> {
    for builds in HISTORIES {
        println!("a history of {builds} builds: {}", kept(&bench.peers.home, *builds)?.display());
    }
    Ok(())
}

/// Replaces the table of `benchmarks.md` between its two marks, and the picture beside it.
fn write_docs(docs: &Path, text: &str, rows: &[Row]) -> io::Result<()> {
    let file = docs.join("benchmarks.md");
    let old = std::fs::read_to_string(&file)?;
    let parts = old.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        let text = format!("{}: no `{BEGIN}` … `{END}` to write between", file.display());
        return Err(io::Error::other(text));
    };
    std::fs::write(&file, format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))?;
    std::fs::write(docs.join("growth.svg"), picture(&curves(rows)))
}

fn document(bench: &Bench, rows: &[Row], broken: &[String], seconds: u64) -> String {
    let mut text = format!(
        "{}; {}; {} s; load at the end {:.1}\n\n",
        machine::today(),
        machine::machine(),
        seconds,
        machine::load()
    );
    for said in bench.peers.said() {
        text.push_str(&format!("* {said}\n"));
    }
    text.push('\n');
    text.push_str(&table::markdown(rows));
    for said in broken {
        text.push_str(&format!("\n{said}\n"));
    }
    text
}
