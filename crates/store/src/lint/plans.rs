//! What the farm asks at every step must cost the same on a history of a million builds: no
//! statement of the operations and typed reads walks a whole table that grows.

use rusqlite::config::DbConfig;
use steading_core::words::noun;

use super::schema::migrated;
use crate::query::{Filter, newest};

/// Tables that stay as small as the farm itself.
const SMALL: [&str; 5] = ["worker", "timer", "token", "configuration", "farm"];

#[test]
fn no_statement_of_the_farm_walks_a_growing_table() {
    let conn = migrated();
    let lists = [crate::ops::statements::ALL, crate::reads::statements::ALL];
    for (name, sql) in lists.into_iter().flatten().copied().flatten() {
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for place in 1..=explain.parameter_count() {
            explain.raw_bind_parameter(place, 1).unwrap();
        }
        let mut plan = explain.raw_query();
        while let Some(row) = plan.next().unwrap() {
            let detail: String = row.get("detail").unwrap();
            let mut words = detail.split(' ');
            let walks = words.next() == Some("SCAN") && !detail.contains("USING");
            let table = words.next().unwrap_or_default();
            let constant = detail.starts_with("SCAN CONSTANT ROW");
            assert!(!walks || constant || SMALL.contains(&table), "{name}: {detail}\n{sql}");
        }
    }
}

#[test]
fn what_lives_now_is_listed_without_a_look_at_history() {
    let conn = migrated();
    // As a farm's connections are: bound values say nothing.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    let check = |name: &str, (key, value): (&str, &str), index: &str| {
        let noun = noun(name).unwrap();
        let sql = newest(noun, Filter::parse(noun, key, value).unwrap());
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let mut explain = conn.prepare(&explain).unwrap();
        for place in 1..=explain.parameter_count() {
            explain.raw_bind_parameter(place, "x").unwrap();
        }
        let mut plan = explain.raw_query();
        let detail: String = plan.next().unwrap().unwrap().get("detail").unwrap();
        assert_eq!(detail, format!("SCAN {name} USING INDEX {index}"), "{sql}");
    };
    check("build", ("state", "running"), "build_live");
    check("build", ("state__ne", "finished"), "build_live");
    check("build", ("state__in", "lost,gathering"), "build_live");
    check("claim", ("state", "offered"), "claim_offered");
    check("step", ("state", "running"), "step_running");
    check("step", ("state", "waiting"), "step_waiting");
}
