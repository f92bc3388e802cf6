//! Opens a file of a workspace; the kernel refuses every way out of it, `..` and links included.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// Why a path is not a file that can be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// It leads out of the workspace.
    #[error("`{0}` leads out of the workspace")]
    Outside(String),
    /// It is not there.
    #[error("`{0}` does not exist")]
    Missing(String),
    /// It is a device, a pipe, a socket.
    #[error("`{0}` is no regular file")]
    Special(String),
    /// It cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
}

/// What a path is.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A regular file and its size in bytes.
    File(File, u64),
    /// A directory.
    Dir,
}

/// Opens what lies at `path` below `place`.
pub(crate) fn open(place: &Path, path: &str) -> Result<Opened, Refused> {
    let unreadable = |error: io::Error| Refused::Unreadable(path.to_owned(), error);
    let root = File::open(place).map_err(unreadable)?;
    // Without NONBLOCK, opening a pipe nobody writes to would wait for ever.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(&root, path, flags, Mode::empty(), resolve) {
        Ok(fd) => File::from(fd),
        Err(Errno::XDEV | Errno::LOOP) => return Err(Refused::Outside(path.to_owned())),
        Err(Errno::NOENT | Errno::NOTDIR) => return Err(Refused::Missing(path.to_owned())),
        Err(Errno::NXIO) => return Err(Refused::Special(path.to_owned())),
        Err(error) => return Err(unreadable(error.into())),
    };
    let meta = file.metadata().map_err(unreadable)?;
    match (meta.is_file(), meta.is_dir()) {
        (true, _) => Ok(Opened::File(file, meta.len())),
        (_, true) => Ok(Opened::Dir),
        _ => Err(Refused::Special(path.to_owned())),
    }
}
