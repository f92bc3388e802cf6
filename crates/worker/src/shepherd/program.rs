//! Which program a process runs: an upgrade in place makes another one of it.

use std::io;
use std::os::unix::fs::MetadataExt;

/// The identity of this very program: device, inode and time of change of its file.
pub(crate) fn identity() -> io::Result<String> {
    let file = fs_err::metadata("/proc/self/exe")?;
    let (dev, ino) = (file.dev(), file.ino());
    Ok(format!("{dev:x}:{ino:x}:{}.{:09}", file.mtime(), file.mtime_nsec()))
}
