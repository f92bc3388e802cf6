//! What the farm asks at every step must cost the same on a history of a million builds: no
//! statement of the operations and typed reads walks a whole table that grows.

use super::schema::migrated;

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
