//! Why bytes are not the log they should be.

use std::io;

/// What is wrong with a log. Positions named `at` count bytes of the file, offsets count raw bytes.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The bytes could not be read at all.
    #[error("cannot read the log: {0}")]
    Io(#[from] io::Error),
    /// The structure of the file is broken.
    #[error("the log is damaged at byte {at} of its file: {what}")]
    Malformed {
        /// Where, in the file.
        at: u64,
        /// What is not as it should be.
        what: &'static str,
    },
    /// Written by a newer Steading.
    #[error(
        "the log has format version {found} at byte {at} of its file; this Steading reads up to \
         version 1: use a newer one"
    )]
    Version {
        /// Where, in the file.
        at: u64,
        /// The version found.
        found: u8,
    },
    /// A block's content is not what its index record says.
    #[error("the block at raw offset {offset} of the log is damaged: {what}")]
    Block {
        /// Raw offset of the block.
        offset: u64,
        /// What is not as it should be.
        what: &'static str,
    },
    /// Bytes after the last whole block of an open log: a write that was cut off.
    #[error("the log ends with {bytes} bytes at byte {at} of its file that are no whole block")]
    Torn {
        /// Where, in the file.
        at: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// A block does not follow what is there.
    #[error("the block begins at raw offset {found}, but the log goes on at {expected}")]
    OutOfPlace {
        /// The raw offset the log goes on at.
        expected: u64,
        /// The raw offset the block claims.
        found: u64,
    },
    /// The trailer speaks of other bytes than those stored.
    #[error("the trailer does not fit the log: {what} should be {expected} but is {found}")]
    Mismatch {
        /// `bytes`, `lines`, `hash` or `blocks`.
        what: &'static str,
        /// What the trailer says.
        expected: String,
        /// What the stored blocks say.
        found: String,
    },
}

impl Damage {
    /// A structural fault at a position of the file.
    pub(crate) fn malformed(at: u64, what: &'static str) -> Damage {
        Damage::Malformed { at, what }
    }
}
