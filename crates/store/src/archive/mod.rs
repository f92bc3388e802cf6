//! The archive: the bytes of logs and artifacts, in files beside the database.
//!
//! A log is a file of blocks as `frames` makes them, appended by raw offset and acknowledged once
//! durable; its newest bytes, not yet in a block, are held in memory for those who watch. An
//! artifact is a file named by the BLAKE3 of its content. What the archive holds is referred to by
//! rows of the history, and a row is only written once its bytes are durable here.

mod append;
mod artifact;
mod error;
mod live;
mod log;
mod paths;
mod read;
mod syncer;
#[cfg(test)]
mod tests;

pub use append::{Appended, Pending};
pub use artifact::{ArtifactWriter, Stored};
pub use error::Error;
pub use log::Archive;
pub use read::Verified;
pub use steading_frames::{Found, Line, Order, Search, Summary};
