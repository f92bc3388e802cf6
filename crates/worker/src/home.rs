//! The worker's own directory: `lock`, `instance`, `work/`, `spool/`, `slots/`, `mirrors/`,
//! `gone/`. One worker at a time uses it; what it holds passes to the next.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::Error;

/// An opened directory; as long as this lives, no other worker can open it.
#[derive(Debug)]
pub(crate) struct Home {
    /// Where workspaces are.
    pub(crate) work: PathBuf,
    /// Where attempts, their logs and their reports are until the master has them.
    pub(crate) spool: PathBuf,
    /// Where shepherds are met: a directory per slot.
    pub(crate) slots: PathBuf,
    /// The lock that errands of a daemon share.
    pub(crate) errands: PathBuf,
    /// Which directory this is, among all there ever were: the same after each start.
    pub(crate) instance: String,
    /// Where repositories are mirrored.
    pub(crate) mirrors: PathBuf,
    /// Where what is being removed lies: made when something is.
    pub(crate) gone: PathBuf,
    _lock: File,
}

/// Opens `dir`, makes what is missing and takes its lock.
pub(crate) fn open(dir: &Path) -> Result<Home, Error> {
    let error = |source| Error::Home { path: dir.to_owned(), source };
    make_dir(dir).map_err(error)?;
    let dir = fs_err::canonicalize(dir).map_err(error)?;
    let lock = lock(&dir).map_err(error)?;
    let Some(lock) = lock else {
        let pid = holder(&dir).map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
        return Err(Error::Busy { path: dir, pid });
    };
    let home = Home {
        work: dir.join("work"),
        spool: dir.join("spool"),
        slots: dir.join("slots"),
        errands: dir.join("errands"),
        instance: instance(&dir).map_err(error)?,
        mirrors: dir.join("mirrors"),
        gone: dir.join("gone"),
        _lock: lock,
    };
    for path in [&home.work, &home.spool, &home.slots, &home.mirrors] {
        make_dir(path).map_err(error)?;
    }
    // What will be kept in them is only as durable as their names, and the directory's own.
    sync_names(&dir).map_err(error)?;
    match dir.parent().map_or(Ok(()), sync_names) {
        // The directory above may be nobody's business; then it was made by somebody else.
        Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => {}
        synced => synced.map_err(error)?,
    }
    Ok(home)
}

/// The process id of the worker that uses `dir`, if one does.
#[must_use]
pub fn holder(dir: &Path) -> Option<u32> {
    let mut file = File::open(dir.join("lock")).ok()?;
    // A shared lock is given back at once, when the file is closed; a worker's own is exclusive.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => {}
        _ => return None,
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn lock(dir: &Path) -> io::Result<Option<File>> {
    let mut file = fs_err::OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(dir.join("lock"))?
        .into_parts()
        .0;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    Ok(Some(file))
}

/// Reads which directory this is, or decides it. Written whole or not at all.
pub(crate) fn instance(dir: &Path) -> io::Result<String> {
    let path = dir.join("instance");
    let known = fs_err::read_to_string(&path).unwrap_or_default();
    if !known.trim().is_empty() {
        return Ok(known.trim().to_owned());
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let fresh: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let new = dir.join("instance.new");
    let mut file = fs_err::File::create(&new)?;
    file.write_all(format!("{fresh}\n").as_bytes())?;
    file.sync_all()?;
    fs_err::rename(new, path)?;
    Ok(fresh)
}

/// What every process of a slot carries in its environment.
pub(crate) fn mark(instance: &str, slot: &str) -> String {
    format!("{instance}/{slot}")
}

/// Makes the names in a directory durable.
pub(crate) fn sync_names(dir: &Path) -> io::Result<()> {
    fs_err::File::open(dir)?.sync_all()
}

fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
