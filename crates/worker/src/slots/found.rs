//! Shepherds that an earlier daemon left: found by the locks they hold.

use std::io;
use std::path::Path;

use tokio::net::UnixStream;

use super::bury::bury;
use super::talk::{Hearing, Telling, split};
use crate::shepherd::{ERRANDS, FromShepherd, LOCK, connect, holder, is_free};

/// A shepherd that lives.
pub(super) struct Found {
    /// Its slot.
    pub(super) slot: i64,
    /// Its first message.
    pub(super) here: FromShepherd,
    pub(super) hearing: Hearing,
    pub(super) telling: Telling,
}

/// Connects to every shepherd that lives; ends those that cannot be talked to, and whatever is
/// left of those that died.
pub(super) async fn find(dir: &Path, mark: impl Fn(i64) -> String) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()?.parse::<i64>().ok());
        let Some(slot) = name else { continue };
        match meet(slot, &path).await {
            Ok(Some(living)) => found.push(living),
            Ok(None) => {
                if !is_free(&path.join(ERRANDS))? || has_run_here(&path) {
                    bury(None, &path, &mark(slot)).await;
                }
            }
            Err(error) => {
                tracing::warn!("the shepherd of slot {slot} is ended: {error}");
                bury(None, &path, &mark(slot)).await;
            }
        }
    }
    Ok(found)
}

/// Whether the slot was ever tended: then something of it may be left.
fn has_run_here(dir: &Path) -> bool {
    dir.join(LOCK).exists()
}

async fn meet(slot: i64, dir: &Path) -> io::Result<Option<Found>> {
    if holder(&dir.join(LOCK))?.is_none() {
        return Ok(None);
    }
    let stream = match connect(dir) {
        Ok(stream) => stream,
        // It ended between the two looks.
        Err(_) if is_free(&dir.join(LOCK))? => return Ok(None),
        Err(error) => return Err(error),
    };
    stream.set_nonblocking(true)?;
    let (mut hearing, telling) = split(UnixStream::from_std(stream)?);
    match hearing.here().await {
        Ok(here) => Ok(Some(Found { slot, here, hearing, telling })),
        Err(_) if is_free(&dir.join(LOCK))? => Ok(None),
        Err(error) => Err(error),
    }
}
