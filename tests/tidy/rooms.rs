//! What a room may not know, whatever its manifest says.

use crate::report;
use crate::sources::{Source, sources};

/// Words that have no place in the functional core.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "std::io",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "async fn",
];

/// A hash map walked in its own order would make decisions depend on chance.
const UNORDERED: &[&str] = &["HashMap", "HashSet"];

/// Files of the core that look things up in a hash map by key and never walk it, with the reason.
const LOOKED_UP_ONLY: &[(&str, &str)] = &[
    ("crates/core/src/matcher/books.rs", "slots and locks by name, at every decision"),
    ("crates/core/src/matcher/live/groups.rs", "walked only where order does not matter"),
    ("crates/core/src/matcher/live/link.rs", "workers by name, at every decision"),
    ("crates/core/src/matcher/live/live_order.rs", "walked only where order does not matter"),
    ("crates/core/src/matcher/live/register.rs", "classes by what they look like"),
    ("crates/core/src/matcher/facts.rs", "recipes by what they demand"),
    ("crates/core/src/matcher/state.rs", "the empty map of recipes"),
    ("crates/core/src/matcher/scene.rs", "places and starts by request"),
    ("crates/core/src/matcher/order.rs", "requests that have their place already"),
];

fn find(rule: &str, looked_at: impl Fn(&Source) -> bool, words: &[&str]) {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|s| !s.is_test() && looked_at(s)) {
        for (number, line) in source.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(word) = words.iter().find(|word| code.contains(**word)) {
                findings.push(format!("{}:{}: `{word}`", source.path, number + 1));
            }
        }
    }
    report(rule, &findings);
}

#[test]
fn the_core_is_pure() {
    find("core decides, it does nothing", |s| s.is_in("core"), IMPURE);
}

#[test]
fn the_core_walks_no_hash_map() {
    let looked_at =
        |s: &Source| s.is_in("core") && !LOOKED_UP_ONLY.iter().any(|(path, _)| *path == s.path);
    find("order is the order of keys, never of hashes", looked_at, UNORDERED);
}

#[test]
fn sql_lives_in_the_store() {
    let sql = ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", "\"CREATE TABLE"];
    find("SQL has one home", |s| !s.is_in("store"), &sql);
}

#[test]
fn starlark_lives_in_one_module() {
    let elsewhere = |s: &Source| !s.is_in("config/src/interpreter");
    find("only the interpreter names starlark", elsewhere, &["use starlark", "starlark::"]);
}

#[test]
fn the_worker_knows_neither_history_nor_configuration() {
    let words = ["steading_store", "steading_config", "steading_master", "steading_web"];
    find("a worker runs primitives", |s| s.is_in("worker"), &words);
}

#[test]
fn every_file_says_what_it_is() {
    let bare: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path.clone())
        .collect();
    report("every file opens with a `//!` header", &bare);
}
