//! How log bytes are kept: independent zstd frames, each followed by its line and time index.
//!
//! A log file, format version 1:
//!
//! ```text
//! block*  trailer?
//!
//! block   = zstd frame (at most 256 KiB raw, with content checksum)
//!           skippable frame: index record of that frame
//! trailer = skippable frame: table of all blocks, total bytes, lines, BLAKE3 of the raw bytes
//! ```
//!
//! Skippable frames are ignored by every zstd decoder, so plain `zstd -d` prints the log. A log
//! without a trailer is open; it is read by walking its frame headers. A log with one opens in a
//! few seeks whatever its size. Lines are counted from 1 and end with `\n` or with the log; bytes
//! are never filtered. Nothing here knows SQL, an async runtime, or where files lie.

mod chunk;
mod damage;
mod encoder;
mod frame;
mod grep;
mod ledger;
mod lines;
mod note;
mod reader;
mod record;
mod table;
mod trailer;
mod varint;
mod walk;

pub use chunk::{BLOCK_LINES_MAX, BLOCK_MAX_BYTES, Chunk};
pub use damage::Damage;
pub use encoder::{Block, Encoder};
pub use frame::Packer;
pub use grep::{Found, Order, Search};
pub use ledger::{Ledger, Stored};
pub use lines::{LINE_SHOWN_MAX_BYTES, LINES_LISTED_MAX, LISTING_MAX_BYTES, Line};
pub use reader::{READ_MAX_BYTES, Reader};
pub use table::Table;
pub use trailer::{Summary, Trailer};
