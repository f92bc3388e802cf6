//! Why the archive could not do what it was asked.

use std::io;

use steading_core::words::LogId;
use steading_frames::Damage;

/// What went wrong. Messages of I/O errors name the path.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No room left for bytes. Nothing acknowledged before is lost.
    #[error("the archive's disk is full: {0}; free space there, then send the bytes again")]
    DiskFull(#[source] io::Error),
    /// Any other failure of the file system.
    #[error("the archive failed: {0}")]
    Io(#[source] io::Error),
    /// A block was sent that does not follow what is stored and does not repeat it.
    #[error("log {log}: a block begins at raw offset {found}; send from offset {expected}")]
    OutOfPlace {
        /// Which log.
        log: LogId,
        /// The raw offset wanted next.
        expected: u64,
        /// The raw offset sent.
        found: u64,
    },
    /// Bytes were sent for a log that is closed.
    #[error("log {0} is closed and takes no more bytes")]
    Closed(LogId),
    /// What was sent is no sound block, or no trailer of this log.
    #[error("log {log}: what was sent is refused: {damage}")]
    Refused {
        /// Which log.
        log: LogId,
        /// What is wrong with it.
        damage: Damage,
    },
    /// What is stored is damaged.
    #[error("log {log}, stored at {path}: {damage}")]
    Damaged {
        /// Which log.
        log: LogId,
        /// Its file.
        path: String,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The archive has no bytes of this log.
    #[error("the archive has no log {0}")]
    NoLog(LogId),
    /// The archive has no such artifact.
    #[error("the archive has no artifact {0}")]
    NoArtifact(String),
    /// A text that is not the hash of anything.
    #[error("`{0}` is not a BLAKE3 hash: 64 digits 0-9 and a-f are expected")]
    NotAHash(String),
    /// An artifact's bytes are not those announced, or not those once stored.
    #[error("the artifact has hash {found}, but {expected} was expected")]
    WrongHash {
        /// The hash announced.
        expected: String,
        /// The hash of the bytes.
        found: String,
    },
    /// An artifact is larger than allowed.
    #[error("the artifact is larger than the {limit_bytes} bytes allowed")]
    TooLarge {
        /// The limit it broke.
        limit_bytes: u64,
    },
    /// The archive is going down, or this operation failed before.
    #[error("the archive takes no more work: {0}")]
    Stopped(&'static str),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Error::DiskFull(error),
            _ => Error::Io(error),
        }
    }
}
