//! The tables are what `core::words::NOUNS` says, and released migrations never change.

use rusqlite::Connection;
use steading_core::words::{Kind, NOUNS};

use super::statements::all;
use crate::migrations::{ALL, lines_for};

pub(super) fn migrated() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    for migration in ALL {
        conn.execute_batch(&lines_for(migration.sql, "sqlite")).unwrap();
    }
    conn.execute_batch("CREATE TABLE schema_version (version BIGINT, migrated_at BIGINT)").unwrap();
    conn
}

#[test]
fn every_noun_is_a_table_and_every_field_a_column_of_its_kind() {
    let conn = migrated();
    for noun in NOUNS {
        for field in noun.fields.iter().skip(1) {
            let column: (String, bool) = conn
                .query_row(
                    "SELECT type, \"notnull\" FROM pragma_table_info(?1) WHERE name = ?2",
                    (noun.name, field.name),
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .unwrap_or_else(|_| panic!("{} has no column {}", noun.name, field.name));
            let kind = match field.kind {
                Kind::Int | Kind::Bool | Kind::Time => "BIGINT",
                Kind::Text | Kind::Word(_) | Kind::Json => "TEXT",
            };
            let expected = (kind.to_owned(), !field.nullable);
            assert_eq!(column, expected, "{}.{}", noun.name, field.name);
        }
    }
}

#[test]
fn sqlite_prepares_every_statement() {
    let conn = migrated();
    for (name, sql) in all() {
        let prepared = conn.prepare(&sql).map(|_| ());
        assert!(prepared.is_ok(), "{name}: {prepared:?}\n{sql}");
    }
}

/// A migration that was once committed is never edited: append the next one, and its hash here.
const HASHES: &[&str] = &[
    "feb62d4bb3a306ff252f4e34c73b7410627d744f59ccd379d3749e990c9511e4",
    "083edfc561bef92c09c237742d4958831fc04dfafb7cfe11c18f4fe3a486a299",
    "f12627ad099e23c4a2d210d9d40b5b36223fd3369e61cefc4163d8255684c7b7",
    "2f0a9334988dbeb99e166009e6b918e4f44f9d929eee31796bc04110f7bc9603",
];

#[test]
fn migrations_are_numbered_without_gaps_and_never_edited() {
    let hashes: Vec<String> =
        ALL.iter().map(|m| blake3::hash(m.sql.as_bytes()).to_hex().to_string()).collect();
    assert_eq!(hashes, HASHES);
    for (place, migration) in (1..).zip(ALL) {
        assert_eq!(migration.number, place);
    }
}
