//! The two kinds of section, the threads that run them, and the store that hands them out.

mod files;
mod inline;
mod read;
mod readers;
mod stats;
mod store;
#[cfg(test)]
mod tests;
mod write;
mod writer;

pub(crate) use files::database as database_error;
pub use inline::{Fate, Hook, Place, Run};
pub use read::Read;
pub use readers::Reader;
pub use stats::{SectionStats, Stats};
pub use store::{Clock, Options, Store};
pub use write::Write;
