//! `steading check`: is farm.star good, and what does its policy cost?

mod cost;

use std::io::Write as _;

use serde_json::json;
use steading_config::{Diagnostic, Loaded};

use crate::cli::CheckArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;
use crate::serve::{self, Place};

/// Evaluates and checks; starts nothing and writes nothing.
pub(crate) async fn check(args: CheckArgs) -> Result<Exit, Error> {
    let place = Place::find(args.path.as_deref(), args.data.as_deref())?;
    match (place.load(), args.json) {
        (Ok(loaded), true) => {
            let policy = cost::cost(&place, &loaded).await.json();
            output::line(
                json!({ "ok": true, "diagnostics": loaded.warnings, "policy": policy,
                "counts": counts(&loaded), "hash": loaded.text.hash })
                .to_string(),
            )?;
            Ok(Exit::Green)
        }
        (Err(serve::Error::Configuration(errors)), true) => {
            output::line(json!({ "ok": false, "diagnostics": errors.0 }).to_string())?;
            Ok(Exit::Usage)
        }
        (Ok(loaded), false) => {
            print(&loaded.warnings)?;
            let (policy, warnings) = cost::cost(&place, &loaded).await.text();
            for warning in &warnings {
                writeln!(std::io::stderr(), "warning: {warning}\n")?;
            }
            output::line(said(&loaded))?;
            output::line(policy)?;
            Ok(Exit::Green)
        }
        (Err(serve::Error::Configuration(errors)), false) => {
            print(&errors.0)?;
            let s = if errors.0.len() == 1 { "" } else { "s" };
            writeln!(std::io::stderr(), "{} error{s} in {}", errors.0.len(), place.farm.display())?;
            Ok(Exit::Usage)
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// Findings go where compilers print them.
fn print(findings: &[Diagnostic]) -> std::io::Result<()> {
    for finding in findings {
        writeln!(std::io::stderr(), "{finding}\n")?;
    }
    Ok(())
}

/// `OK: 3 builders, 2 workers, 1 scheduler, …`
fn said(loaded: &Loaded) -> String {
    let said = |(what, count): &(&str, usize)| {
        let s = match (*count, what.strip_suffix('y')) {
            (1, _) => return format!("1 {what}"),
            (_, Some(stem)) => return format!("{count} {stem}ies"),
            _ => "s",
        };
        format!("{count} {what}{s}")
    };
    let mut parts: Vec<String> = kinds(loaded).iter().map(said).collect();
    if !loaded.warnings.is_empty() {
        parts.push(said(&("warning", loaded.warnings.len())));
    }
    format!("OK: {}", parts.join(", "))
}

fn kinds(loaded: &Loaded) -> [(&'static str, usize); 5] {
    let farm = &loaded.farm;
    [
        ("builder", farm.builders.len()),
        ("worker", farm.workers.len()),
        ("repository", farm.repositories.len()),
        ("scheduler", farm.schedulers.len()),
        ("lock", farm.locks.len()),
    ]
}

fn counts(loaded: &Loaded) -> serde_json::Map<String, serde_json::Value> {
    kinds(loaded).into_iter().map(|(what, count)| (what.to_owned(), json!(count))).collect()
}
