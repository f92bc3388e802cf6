//! Opening: one writer per directory, versions, and what a kill leaves behind.

#![expect(clippy::disallowed_methods, reason = "a test kills a process of its own")]

use std::process::Command;

use steading_core::words::*;
use steading_store::*;

use crate::farm::{TestFarm, buildset, set_up};

#[tokio::test]
async fn a_second_writer_is_refused_and_told_who_holds_the_directory() {
    let farm = TestFarm::new();
    let refused = Store::open(farm.options()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    let pid = std::process::id().to_string();
    assert!(refused.to_string().contains(&pid), "{refused}");
    farm.store.close().await.unwrap();
    Store::open(farm.options()).unwrap();
}

#[test]
fn a_data_directory_is_created_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("farm/.steading");
    drop(Store::open(Options::new(&data, || Micros(0))).unwrap());
    let mode = fs_err::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_reader_reads_beside_a_writer_and_sees_what_is_committed() {
    let farm = TestFarm::new();
    farm.write(|w| set_up(w, &[("barn", 1)])).await;
    let reader = Reader::open(&farm.options()).unwrap();
    let workers = reader.read(|r| r.workers()).await.unwrap();
    assert_eq!(workers.len(), 1);
}

#[test]
fn a_reader_of_no_history_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Reader::open(&Options::new(folder.path(), || Micros(0))).unwrap_err();
    assert!(matches!(refused, OpenError::Missing { .. }), "{refused}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_file_and_version() {
    let farm = TestFarm::new();
    farm.store.close().await.unwrap();
    let file = farm.folder.path().join("farm.db");
    let conn = rusqlite::Connection::open(&file).unwrap();
    conn.execute("INSERT INTO schema_version (version, migrated_at) VALUES (99, 0)", []).unwrap();
    drop(conn);
    let refusals =
        [Store::open(farm.options()).unwrap_err(), Reader::open(&farm.options()).unwrap_err()];
    for refused in refusals {
        let text = refused.to_string();
        assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{text}");
        assert!(text.contains("farm.db") && text.contains("run that one"), "{text}");
    }
}

#[tokio::test]
async fn a_reopened_history_goes_on_where_it_was() {
    let farm = TestFarm::new();
    farm.write(|w| set_up(w, &[("barn", 1)])).await;
    let before = farm.read(|r| r.newest_seq()).await;
    farm.store.close().await.unwrap();
    let store = Store::open(farm.options()).unwrap();
    assert_eq!(*store.seq().borrow(), before);
    store.write("on", |w| w.worker_lost("barn")).await.unwrap();
    assert_eq!(*store.seq().borrow(), Seq(before.0 + 1));
}

const KILLED: &str = "STORE_TEST_KILLED_IN";

/// The half of the next test that dies: writes, hears the commit, and is gone at once.
#[tokio::test]
#[ignore = "run by `a_killed_process_keeps_what_was_committed`"]
async fn dies_after_a_commit() {
    let folder = std::env::var(KILLED).unwrap();
    let store = Store::open(Options::new(folder, || Micros(7))).unwrap();
    let submitted = store.write("submit", |w| {
        let config = set_up(w, &[("barn", 1)])?;
        w.submit_buildset(&buildset(config, &["hello"]))
    });
    submitted.await.unwrap();
    std::process::abort();
}

#[tokio::test]
async fn a_killed_process_keeps_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let died = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opening::dies_after_a_commit", "--ignored"])
        .env(KILLED, folder.path())
        .output()
        .unwrap();
    assert!(!died.status.success(), "it was to die");
    let store = Store::open(Options::new(folder.path(), || Micros(8))).unwrap();
    let pending = store.read(|r| r.pending()).await.unwrap();
    assert_eq!(pending.len(), 1);
    let recovered = store.write("recover", |w| w.recover()).await.unwrap();
    assert_eq!(recovered, Recovered { workers: vec!["barn".to_owned()], claims: 0 });
}
