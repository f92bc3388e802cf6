//! Artifacts: whole under their hash, or not there.

use std::io::Read;

use super::super::{Error, Stored};
use super::Place;

const LIMIT_BYTES: u64 = 1 << 20;

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn incoming(place: &Place) -> usize {
    fs_err::read_dir(place.archive.inner.paths.incoming()).expect("there").count()
}

async fn store(place: &Place, bytes: &[u8], expected: Option<&str>) -> Result<Stored, Error> {
    let mut writer = place.archive.artifact_writer(LIMIT_BYTES)?;
    for piece in bytes.chunks(1000) {
        writer.write(piece.to_vec()).await?;
    }
    writer.commit(expected).await
}

#[tokio::test]
async fn an_artifact_is_found_by_its_hash() {
    let place = Place::new();
    let check = async |bytes: &[u8], expected: Option<&str>| {
        let stored = store(&place, bytes, expected).await.expect("stored");
        assert_eq!(stored, Stored { hash: hash(bytes), size: bytes.len() as u64 });
        let mut read = Vec::new();
        let mut file = place.archive.open_artifact(&stored.hash).expect("there");
        file.read_to_end(&mut read).expect("readable");
        assert_eq!(read, bytes);
        assert_eq!(place.archive.verify_artifact(&stored.hash).expect("sound"), stored.size);
        assert_eq!(incoming(&place), 0);
    };
    check(b"", None).await;
    check(b"bytes", Some(&hash(b"bytes"))).await;
    check(b"bytes", None).await;
    check(&[0xff; LIMIT_BYTES as usize], None).await;
}

#[tokio::test]
async fn what_is_wrong_leaves_nothing() {
    let place = Place::new();
    let wrong = store(&place, b"bytes", Some(&hash(b"other"))).await;
    assert!(matches!(wrong, Err(Error::WrongHash { .. })), "{wrong:?}");
    let large = store(&place, &[0; LIMIT_BYTES as usize + 1], None).await;
    assert!(matches!(large, Err(Error::TooLarge { limit_bytes: LIMIT_BYTES })), "{large:?}");
    let mut dropped = place.archive.artifact_writer(LIMIT_BYTES).expect("begun");
    dropped.write(b"half".to_vec()).await.expect("written");
    assert_eq!(incoming(&place), 1);
    drop(dropped);
    assert_eq!(incoming(&place), 0);
    let missing = place.archive.open_artifact(&hash(b"bytes"));
    assert!(matches!(missing, Err(Error::NoArtifact(_))));
    assert!(matches!(place.archive.open_artifact("../farm.db"), Err(Error::NotAHash(_))));
}

#[tokio::test]
async fn a_restart_removes_what_was_half_written() {
    let mut place = Place::new();
    let mut writer = place.archive.artifact_writer(LIMIT_BYTES).expect("begun");
    writer.write(b"half".to_vec()).await.expect("written");
    std::mem::forget(writer);
    assert_eq!(incoming(&place), 1);
    place.restart();
    assert_eq!(incoming(&place), 0);
    store(&place, b"bytes", None).await.expect("stored");
}

#[tokio::test]
async fn damage_is_found_and_a_cut_artifact_replaced() {
    let place = Place::new();
    let stored = store(&place, b"bytes", None).await.expect("stored");
    let path = place.archive.inner.paths.artifact(&stored.hash).expect("a hash");
    fs_err::write(&path, b"bytez").expect("written");
    let damaged = place.archive.verify_artifact(&stored.hash);
    assert!(matches!(damaged, Err(Error::WrongHash { .. })), "{damaged:?}");
    fs_err::write(&path, b"byt").expect("written");
    store(&place, b"bytes", None).await.expect("stored");
    assert_eq!(place.archive.verify_artifact(&stored.hash).expect("sound"), 5);
}
