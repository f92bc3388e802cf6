//! Brings a database to the newest schema: forward only, after a backup, all or nothing.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use steading_core::words::Micros;

use crate::OpenError;
use crate::section::database_error;
use crate::sql::statements;

/// One numbered step of the schema's history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    /// Its number, from 1 without gaps.
    pub(crate) number: i64,
    /// Its statements, for every engine.
    pub(crate) sql: &'static str,
}

statements! {
    CREATE = "CREATE TABLE IF NOT EXISTS schema_version \
        (version BIGINT NOT NULL, migrated_at BIGINT NOT NULL, PRIMARY KEY (version))";
    NEWEST = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
    RECORD = "INSERT INTO schema_version (version, migrated_at) VALUES (?1, ?2)";
}

/// The lines of a migration that belong to an engine: its own, and those of no engine.
pub(crate) fn lines_for(sql: &str, engine: &str) -> String {
    let foreign = |line: &&str| match line.rsplit_once("-- ") {
        Some((_, tag @ ("sqlite" | "postgres"))) => tag == engine,
        _ => true,
    };
    sql.lines().filter(foreign).collect::<Vec<_>>().join("\n")
}

/// Brings the database to the newest of `all`; an existing one is backed up beside itself first.
pub(crate) fn migrate(
    conn: &mut Connection,
    file: &Path,
    all: &[Migration],
    now: Micros,
) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| database_error(file, &error);
    conn.execute_batch(CREATE).map_err(failed)?;
    let found = version(conn).map_err(failed)?;
    let known = newest(all);
    if found > known {
        return Err(OpenError::Newer { file: file.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    if found > 0 {
        back_up(conn, &backup_path(file, found)).map_err(failed)?;
    }
    let transaction = conn.transaction().map_err(failed)?;
    for migration in all.iter().filter(|m| m.number > found) {
        apply(&transaction, migration, now).map_err(|error| OpenError::Migration {
            file: file.to_owned(),
            number: migration.number,
            message: error.to_string(),
        })?;
    }
    transaction.commit().map_err(failed)
}

/// Refuses a database that is not exactly at the newest schema.
pub(crate) fn require_current(
    conn: &Connection,
    file: &Path,
    all: &[Migration],
) -> Result<(), OpenError> {
    let found = version(conn).map_err(|error| database_error(file, &error))?;
    let (file, known) = (file.to_owned(), newest(all));
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(OpenError::Newer { file, found, known }),
        std::cmp::Ordering::Less => Err(OpenError::Older { file, found, known }),
    }
}

fn newest(all: &[Migration]) -> i64 {
    all.last().map_or(0, |m| m.number)
}

fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row(NEWEST, [], |row| row.get(0))
}

fn apply(conn: &Connection, migration: &Migration, now: Micros) -> rusqlite::Result<()> {
    conn.execute_batch(&lines_for(migration.sql, "sqlite"))?;
    conn.execute(RECORD, (migration.number, now.0))?;
    Ok(())
}

/// Where the database of a version is kept before it is migrated away from.
fn backup_path(file: &Path, version: i64) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".before-migration-from-{version}"));
    PathBuf::from(name)
}

/// Copies page by page what is committed, write-ahead log included.
fn back_up(conn: &Connection, to: &Path) -> rusqlite::Result<()> {
    const PAGES_PER_STEP: i32 = 1024;
    let mut copy = Connection::open(to)?;
    let backup = rusqlite::backup::Backup::new(conn, &mut copy)?;
    backup.run_to_completion(PAGES_PER_STEP, std::time::Duration::ZERO, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration =
        Migration { number: 1, sql: "CREATE TABLE barn (name TEXT NOT NULL);" };
    const SECOND: Migration =
        Migration { number: 2, sql: "ALTER TABLE barn ADD COLUMN size BIGINT;" };
    const BROKEN: Migration = Migration { number: 3, sql: "CREATE TABLE shed (;" };

    fn open(file: &Path) -> Connection {
        Connection::open(file).unwrap()
    }

    #[test]
    fn an_existing_database_is_backed_up_and_then_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("farm.db");
        let mut conn = open(&file);
        migrate(&mut conn, &file, &[FIRST], Micros(1)).unwrap();
        assert!(!backup_path(&file, 0).exists(), "a new database needs no backup");
        conn.execute("INSERT INTO barn (name) VALUES ('old')", []).unwrap();
        migrate(&mut conn, &file, &[FIRST, SECOND], Micros(2)).unwrap();
        let name = |conn: &Connection| -> String {
            conn.query_row("SELECT name FROM barn", [], |row| row.get(0)).unwrap()
        };
        let backup = open(&backup_path(&file, 1));
        assert_eq!((name(&conn), name(&backup)), ("old".to_owned(), "old".to_owned()));
        assert_eq!((version(&conn), version(&backup)), (Ok(2), Ok(1)));
    }

    #[test]
    fn a_failing_migration_names_itself_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("farm.db");
        let mut conn = open(&file);
        migrate(&mut conn, &file, &[FIRST], Micros(1)).unwrap();
        let failed = migrate(&mut conn, &file, &[FIRST, SECOND, BROKEN], Micros(2)).unwrap_err();
        assert!(matches!(failed, OpenError::Migration { number: 3, .. }), "{failed}");
        assert_eq!(version(&conn), Ok(1));
        assert!(conn.prepare("SELECT size FROM barn").is_err(), "the second was undone too");
    }

    #[test]
    fn lines_of_another_engine_are_left_out() {
        let sql = "id BIGINT, -- postgres\nid INTEGER, -- sqlite\nname TEXT -- what it is";
        assert_eq!(lines_for(sql, "sqlite"), "id INTEGER, -- sqlite\nname TEXT -- what it is");
    }
}
