//! What only the inside can bring about: a full disk, and a write smuggled as text through a read.

use std::collections::BTreeMap;

use steading_core::words::{Micros, Seq};

use super::{Options, Store, Write};
use crate::Error;

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(Options::new(folder.path(), || Micros(1))).unwrap()
}

#[tokio::test]
async fn a_full_disk_is_said_plainly_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let met = store.write("meet", |w| w.meet_worker("barn", 1, &BTreeMap::new())).await;
    met.unwrap();
    // The engine's own limit stands in for the disk's: both are its `FULL`.
    let limit = |w: &mut Write<'_>| -> Result<(), Error> {
        let conn = w.connection();
        let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        conn.pragma_update(None, "max_page_count", pages + 8)?;
        Ok(())
    };
    store.write("limit", limit).await.unwrap();
    let huge = "x".repeat(1 << 20);
    let refused = store.write("huge", move |w| w.pause_worker("barn", "ann", &huge)).await;
    assert_eq!(refused, Err(Error::DiskFull { path: folder.path().join("farm.db") }));
    assert_eq!(store.read(|r| r.newest_seq()).await, Ok(Seq(1)));
    let small = store.write("small", |w| w.pause_worker("barn", "ann", "small")).await;
    assert_eq!(small, Ok(()));
    assert_eq!(store.read(crate::audit::history).await, Ok(vec![]));
}

#[tokio::test]
async fn a_write_smuggled_as_text_through_a_read_is_refused_by_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let smuggled = store.read(|r| r.rows("DELETE FROM event", [], |_| Ok(()))).await;
    let error = smuggled.unwrap_err().to_string();
    assert!(error.contains("readonly"), "{error}");
}
