//! The steps of a build: what ran, how it ended, and for a failure its cause with the evidence.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use steading_core::words::{Micros, Outcome};

use super::log::LogView;
use super::mark::{self, Mark};
use super::row::Row;
use super::when::{Lasts, lasts};
use super::words::size;

/// A step as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StepView {
    /// Its id; 0 before it began.
    pub(crate) id: i64,
    /// Its place in the plan.
    pub(crate) number: i64,
    /// Its name.
    pub(crate) name: String,
    /// How it stands.
    pub(crate) mark: Mark,
    /// How long it took, once begun.
    pub(crate) lasts: Option<Lasts>,
    /// A few words beside the name.
    pub(crate) note: String,
    /// Whether it has begun: has a row, and may have a log.
    pub(crate) begun: bool,
    /// Whether it is shown open.
    pub(crate) open: bool,
    /// What was run.
    pub(crate) command: String,
    /// Cost of the process: `exit 0 · peak 812 MiB · cpu 0:41`.
    pub(crate) exit: String,
    /// Why it failed.
    pub(crate) cause: Option<Cause>,
    /// Its log, where it is shown at once.
    pub(crate) log: Option<LogView>,
    /// Ids of logs that still grow, by stream name, with the next line wanted.
    pub(crate) follow: Vec<Follow>,
    /// Its streams, for raw download.
    pub(crate) raw: Vec<Raw>,
    /// When it began.
    pub(crate) started: Option<String>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cause {
    /// The reason in a sentence.
    pub(crate) text: String,
    /// The end of its stderr, if it said anything.
    pub(crate) tail: String,
    /// The colour class of the outcome.
    pub(crate) look: &'static str,
}

/// A log to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Follow {
    /// The log.
    pub(crate) id: i64,
    /// `stdout` or `stderr`.
    pub(crate) name: String,
    /// The line to begin with, from 1: the last one shown, which may have grown, else the next.
    pub(crate) first: i64,
}

/// A log to download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Raw {
    /// The log.
    pub(crate) id: i64,
    /// `stdout` or `stderr`.
    pub(crate) name: String,
    /// How large it is, once closed.
    pub(crate) size: String,
}

/// What is known of a build's steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepFacts {
    /// The names of the plan, in order.
    pub(crate) plan: Vec<String>,
    /// The steps begun or skipped.
    pub(crate) rows: Vec<Row>,
    /// The logs of the build.
    pub(crate) logs: Vec<Row>,
    /// The parts of logs shown at once, by step id.
    pub(crate) shown: BTreeMap<i64, LogView>,
    /// The end of stderr, by step id.
    pub(crate) tails: BTreeMap<i64, String>,
}

/// Every step of the plan, in its order.
pub(crate) fn steps(facts: &StepFacts, finished: bool, now: Micros) -> Vec<StepView> {
    let open = open_step(&facts.rows);
    let planned = facts.plan.iter().zip(1..).map(|(name, number)| {
        match facts.rows.iter().find(|r| r.int("number") == number) {
            Some(row) => begun(facts, row, open == Some(row.int("id")), now),
            None => not_begun(name, number, finished),
        }
    });
    let planned: Vec<StepView> = planned.collect();
    let known = i64::try_from(planned.len()).unwrap_or(i64::MAX);
    let beyond = facts.rows.iter().filter(|r| r.int("number") > known);
    let beyond = beyond.map(|row| begun(facts, row, open == Some(row.int("id")), now));
    planned.into_iter().chain(beyond).collect()
}

/// The step that is open at first: what runs, else the first that failed.
pub(crate) fn open_step(rows: &[Row]) -> Option<i64> {
    let running = rows.iter().rev().find(|r| r.text("state") == "running");
    let failed = rows.iter().find(|r| r.outcome().is_some_and(is_bad));
    let warned = rows.iter().find(|r| r.outcome() == Some(Outcome::Warnings));
    running.or(failed).or(warned).map(|r| r.int("id"))
}

fn is_bad(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failure | Outcome::Exception | Outcome::Retry | Outcome::Cancelled)
}

fn not_begun(name: &str, number: i64, finished: bool) -> StepView {
    let mark = if finished { mark::of_outcome(Outcome::Skipped) } else { mark::WAITING };
    StepView {
        id: 0,
        number,
        name: name.to_owned(),
        mark,
        lasts: None,
        note: if finished { "not run".to_owned() } else { String::new() },
        begun: false,
        open: false,
        command: String::new(),
        exit: String::new(),
        cause: None,
        log: None,
        follow: Vec::new(),
        raw: Vec::new(),
        started: None,
    }
}

fn begun(facts: &StepFacts, row: &Row, open: bool, now: Micros) -> StepView {
    let id = row.int("id");
    let outcome = row.outcome();
    let started = row.time("started_at");
    let cause = outcome.filter(|o| is_bad(*o)).map(|o| Cause {
        text: row.reason().map_or_else(|| format!("ended as {o}"), |r| r.text),
        // What it said while somebody stopped it is not why it stopped.
        tail: match o {
            Outcome::Cancelled => String::new(),
            _ => facts.tails.get(&id).cloned().unwrap_or_default(),
        },
        look: mark::of_outcome(o).look,
    });
    let note = match (outcome, row.reason()) {
        (Some(Outcome::Skipped | Outcome::Warnings), Some(reason)) => reason.text,
        _ => String::new(),
    };
    let log = facts.shown.get(&id).cloned();
    StepView {
        id,
        number: row.int("number"),
        name: row.text("name").to_owned(),
        mark: mark::of_row(row),
        lasts: started.map(|s| lasts(s, row.time("finished_at"), now)),
        note,
        begun: started.is_some(),
        open,
        command: row.json::<Value>("command").map(|c| command(&c)).unwrap_or_default(),
        exit: row.json::<Value>("exit").map(|e| exit(&e)).unwrap_or_default(),
        cause,
        follow: follow(&facts.logs, id, log.as_ref()),
        raw: raw(&facts.logs, id),
        log,
        started: started.map(steading_wire::render::time),
    }
}

fn follow(logs: &[Row], step: i64, shown: Option<&LogView>) -> Vec<Follow> {
    let growing = logs.iter().filter(|l| l.int("step_id") == step && !l.flag("closed"));
    let one = |l: &Row| {
        let err = l.text("name") == "stderr";
        let first = shown.map_or(1, |view| {
            let next = if err { view.next.1 } else { view.next.0 };
            next - i64::from(view.lines.iter().any(|line| line.err == err))
        });
        Follow { id: l.int("id"), name: l.text("name").to_owned(), first }
    };
    growing.map(one).collect()
}

fn raw(logs: &[Row], step: i64) -> Vec<Raw> {
    let one = |l: &Row| Raw {
        id: l.int("id"),
        name: l.text("name").to_owned(),
        size: l.maybe_int("bytes").map(size).unwrap_or_default(),
    };
    let has_bytes = |l: &&Row| l.int("step_id") == step && l.maybe_int("bytes") != Some(0);
    logs.iter().filter(has_bytes).map(one).collect()
}

/// A command as a person would type it; a description as it stands.
fn command(value: &Value) -> String {
    let argv = value.get("argv").unwrap_or(value);
    match argv {
        Value::String(text) => text.clone(),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            match words.as_slice() {
                ["/bin/sh" | "sh", "-e", "-c" | "-ec", script]
                | ["/bin/sh" | "sh", "-ec" | "-c", script] => (*script).to_owned(),
                words => words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" "),
            }
        }
        Value::Object(map) => described(map),
        _ => String::new(),
    }
}

fn described(map: &serde_json::Map<String, Value>) -> String {
    let text = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or("");
    match text("do") {
        "checkout" => {
            let revision: String = text("revision").chars().take(7).collect();
            format!("checkout {} {}@{revision}", text("url"), text("branch"))
        }
        "upload" => {
            let paths = map.get("paths").and_then(Value::as_array);
            let paths: Vec<&str> = paths.into_iter().flatten().filter_map(Value::as_str).collect();
            format!("upload {}", paths.join(" "))
        }
        _ => map.values().find_map(Value::as_str).unwrap_or("").to_owned(),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn exit(record: &Value) -> String {
    let int = |name: &str| record.get(name).and_then(Value::as_i64);
    let mut parts = Vec::new();
    match (int("code"), int("signal")) {
        (_, Some(signal)) => parts.push(format!("signal {signal}")),
        (Some(code), None) => parts.push(format!("exit {code}")),
        (None, None) => {}
    }
    if let Some(kib) = int("max_rss_kib").filter(|k| *k > 0) {
        parts.push(format!("peak {}", size(kib.saturating_mul(1024))));
    }
    let cpu = int("user_ms").unwrap_or(0) + int("system_ms").unwrap_or(0);
    if cpu > 0 {
        parts.push(format!("cpu {}", steading_core::words::Duration::millis(cpu)));
    }
    let leftovers = record.get("leftovers").and_then(Value::as_array);
    let left: Vec<&str> = leftovers.into_iter().flatten().filter_map(Value::as_str).collect();
    if !left.is_empty() {
        parts.push(format!("left behind and killed: {}", left.join(", ")));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use steading_core::words::Cell;

    use super::*;

    fn row(number: i64, name: &str, state: &str, outcome: Option<&str>) -> Row {
        Row::from_iter([
            ("id", Cell::from(100 + number)),
            ("number", number.into()),
            ("name", name.into()),
            ("state", state.into()),
            ("outcome", outcome.into()),
            ("started_at", Cell::Int(0)),
        ])
    }

    #[test]
    fn the_plan_is_shown_whole_and_the_failure_is_open() {
        let facts = StepFacts {
            plan: ["checkout", "build", "test", "publish"].map(str::to_owned).to_vec(),
            rows: vec![
                row(1, "checkout", "finished", Some("success")),
                row(2, "build", "finished", Some("warnings")),
                row(3, "test", "finished", Some("failure")),
            ],
            tails: BTreeMap::from([(103, "assertion failed".to_owned())]),
            ..StepFacts::default()
        };
        let steps = steps(&facts, true, Micros(0));
        let line = |s: &StepView| format!("{} {} {}", s.name, s.mark.word, s.open);
        assert_eq!(
            steps.iter().map(line).collect::<Vec<_>>(),
            [
                "checkout success false",
                "build warnings false",
                "test failure true",
                "publish skipped false"
            ]
        );
        assert_eq!(steps[2].cause.as_ref().map(|c| c.tail.as_str()), Some("assertion failed"));
    }

    #[test]
    fn commands_read_as_typed() {
        let check = |value: Value, expected: &str| assert_eq!(command(&value), expected);
        check(json!(["/bin/sh", "-e", "-c", "make all"]), "make all");
        check(json!({"argv": ["cargo", "test", ""]}), "cargo test ''");
        check(json!(["echo", "it's <b>"]), r"echo 'it'\''s <b>'");
        check(json!({"do": "upload", "paths": ["a", "b"]}), "upload a b");
        check(json!("checkout hello"), "checkout hello");
    }

    #[test]
    fn exit_records_name_the_cost() {
        let record = json!({"code": 1, "signal": null, "max_rss_kib": 831_488, "user_ms": 41_000,
                            "system_ms": 0, "leftovers": ["sleep"]});
        assert_eq!(
            exit(&record),
            "exit 1 · peak 812 MiB · cpu 41.0 s · left behind and killed: sleep"
        );
    }
}
