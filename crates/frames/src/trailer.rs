//! The trailer of a closed log: the sizes of all blocks and the summary of the whole.
//!
//! ```text
//! varint count of blocks
//! per block: varint raw length, data frame length, index record length (as stored), line count
//! varint raw bytes   varint lines   32 bytes BLAKE3 of the raw bytes
//! ```

use std::io::Cursor as Bytes;

use crate::damage::Damage;
use crate::frame::Packer;
use crate::note::{self, Kind};
use crate::table::{Sizes, Table};
use crate::varint::{Cursor, put};

/// A closed log in three values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Raw bytes.
    pub bytes: u64,
    /// Lines, the last one counted also when no `\n` ends it.
    pub lines: u64,
    /// BLAKE3 of the raw bytes, in hex.
    pub hash: String,
}

/// The last part of a closed log's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// Its bytes, to be appended verbatim.
    pub encoded: Vec<u8>,
}

impl Trailer {
    pub(crate) fn of(table: &Table, hash: &blake3::Hash, packer: &mut Packer) -> Trailer {
        let mut body = Vec::with_capacity(64 + table.entries.len() * 12);
        put(&mut body, table.entries.len() as u64);
        for entry in &table.entries {
            put(&mut body, u64::from(entry.raw_len));
            put(&mut body, u64::from(entry.frame_len));
            put(&mut body, u64::from(entry.note_len));
            put(&mut body, u64::from(entry.line_count));
        }
        put(&mut body, table.raw_len());
        put(&mut body, table.lines());
        body.extend_from_slice(hash.as_bytes());
        Trailer { encoded: note::encode(Kind::Trailer, &body, packer) }
    }

    /// What the trailer says of its log.
    ///
    /// # Errors
    /// When the bytes are no trailer of a known version.
    pub fn decode(&self) -> Result<(Table, Summary), Damage> {
        let mut source = Bytes::new(self.encoded.as_slice());
        let (body, length) = note::read(&mut source, 0, Kind::Trailer, &mut Packer::new())?;
        if length != self.encoded.len() as u64 {
            return Err(Damage::malformed(length, "bytes behind the trailer"));
        }
        decode_body(&body).ok_or_else(|| Damage::malformed(0, "a trailer that contradicts itself"))
    }
}

/// Reads a trailer's body; `None` if its totals are not the sums of its blocks.
pub(crate) fn decode_body(body: &[u8]) -> Option<(Table, Summary)> {
    let mut cursor = Cursor(body);
    let mut table = Table::default();
    for _ in 0..cursor.take()? {
        table.push(Sizes {
            raw_len: cursor.take_u32()?,
            frame_len: cursor.take_u32()?,
            note_len: cursor.take_u32()?,
            line_count: cursor.take_u32()?,
        })?;
    }
    let (bytes, lines) = (cursor.take()?, cursor.take()?);
    let hash = blake3::Hash::from_bytes(*cursor.bytes::<32>()?).to_hex().to_string();
    let sound = bytes == table.raw_len() && lines == table.lines() && cursor.is_empty();
    sound.then_some((table, Summary { bytes, lines, hash }))
}
