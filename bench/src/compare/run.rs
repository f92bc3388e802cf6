//! A whole comparison: peers, parts one after the other, the table.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::options::Options;
use super::parts::PARTS;
use super::peers::Peers;
use super::row::Row;
use super::{machine, table};
use crate::farm::steading;
use crate::process::clock;

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
        return Ok(true);
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
        match part(&bench) {
            Ok(measured) => {
                println!("{}", table::markdown(&measured));
                rows.extend(measured);
            }
            Err(error) => broken.push(format!("{name} broke off: {error}")),
        }
        broken.last().into_iter().for_each(|said| println!("{said}"));
    }
    let text = document(&bench, &rows, &broken, began.elapsed().as_secs());
    println!("{text}");
    if let Some(file) = &options.markdown {
        std::fs::write(file, &text)?;
    }
    if let Some(file) = &options.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        let all = json!({ "machine": machine::machine(), "at": machine::today(),
            "peers": bench.peers.said(), "rows": rows, "broken": broken });
        std::fs::write(file, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(broken.is_empty())
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
