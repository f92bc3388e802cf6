//! Locks that say who lives: a slot's shepherd holds one alone, errands share another.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::Pid;

/// Who holds a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its process.
    pub(crate) pid: Pid,
}

/// Takes a lock for one alone and writes who holds it; `None` when another does.
pub(super) fn take(path: &Path) -> io::Result<Option<File>> {
    let mut file = open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    file.set_len(0)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    Ok(Some(file))
}

/// Shares a lock.
pub(super) fn share(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    // Nobody keeps it for itself for longer than a look.
    flock(&file, FlockOperation::LockShared)?;
    Ok(file)
}

/// Whether nobody holds or shares a lock.
pub(crate) fn is_free(path: &Path) -> io::Result<bool> {
    let file = open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Who holds a lock, if somebody does.
pub(crate) fn holder(path: &Path) -> io::Result<Option<Holder>> {
    if !path.exists() || is_free(path)? {
        return Ok(None);
    }
    let mut text = String::new();
    File::open(path)?.read_to_string(&mut text)?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    Ok(pid.map(|pid| Holder { pid }))
}

fn open(path: &Path) -> io::Result<File> {
    let mut open = fs_err::OpenOptions::new();
    let file = open.create(true).truncate(false).read(true).write(true).open(path)?;
    Ok(file.into_parts().0)
}
