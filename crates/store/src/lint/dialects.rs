//! Every statement and migration parses in both dialects.

use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use super::statements::{all, for_postgres};
use crate::migrations::{ALL, lines_for};

fn check(dialect: &dyn Dialect, name: &str, sql: &str) {
    let parsed = Parser::parse_sql(dialect, sql);
    assert!(parsed.is_ok(), "{name} does not parse in {dialect:?}: {parsed:?}\n{sql}");
}

#[test]
fn every_statement_parses_in_both_dialects() {
    for (name, sql) in all() {
        check(&SQLiteDialect {}, &name, &sql);
        check(&PostgreSqlDialect {}, &name, &for_postgres(&sql));
    }
}

#[test]
fn every_migration_parses_in_both_dialects() {
    for migration in ALL {
        let name = format!("migration {}", migration.number);
        check(&SQLiteDialect {}, &name, &lines_for(migration.sql, "sqlite"));
        check(&PostgreSqlDialect {}, &name, &lines_for(migration.sql, "postgres"));
    }
}
