//! The ledger: what a log holds so far, kept while blocks are added. Encoder, archive and audit
//! share it, so all three agree on what follows what and on the hash.

use std::io::Cursor;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::damage::Damage;
use crate::frame::{Packer, measure};
use crate::note::{self, Kind, check_of};
use crate::record;
use crate::table::{Sizes, Table};
use crate::trailer::{Summary, Trailer};

/// A block that was decoded and found sound in itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Stored {
    pub(crate) chunk: Chunk,
    pub(crate) sizes: Sizes,
}

impl Stored {
    /// Decodes one whole block: data frame and index record, nothing before or after.
    ///
    /// # Errors
    /// When the bytes are no sound block of a known version.
    pub fn decode(encoded: &[u8], packer: &mut Packer) -> Result<Stored, Damage> {
        let mut source = Cursor::new(encoded);
        let frame_len = measure(&mut source, 0)?;
        let (body, note_len) = note::read(&mut source, frame_len, Kind::Block, packer)?;
        if frame_len + note_len != encoded.len() as u64 {
            return Err(Damage::malformed(frame_len + note_len, "bytes behind the block"));
        }
        let (frame, _) = encoded.split_at(frame_len as usize);
        Stored::assemble(frame, &body, note_len, packer)
    }

    /// Joins a data frame and the body of its record.
    pub(crate) fn assemble(
        frame: &[u8],
        body: &[u8],
        note_len: u64,
        packer: &mut Packer,
    ) -> Result<Stored, Damage> {
        let record = record::decode(body)
            .ok_or_else(|| Damage::malformed(0, "an index record that contradicts itself"))?;
        let fault = |what| Damage::Block { offset: record.raw_offset, what };
        if u64::from(record.frame_len) != frame.len() as u64 || record.check != check_of(frame) {
            return Err(fault("its data is not that of its index record"));
        }
        let raw = packer
            .unpack(frame, record.raw_len as usize)
            .ok_or_else(|| fault("its data cannot be decompressed"))?;
        let sizes = Sizes {
            raw_len: record.raw_len,
            frame_len: record.frame_len,
            note_len: u32::try_from(note_len).map_err(|_| fault("its index record is too long"))?,
            line_count: record.starts.len() as u32,
        };
        let fresh = raw.last() == Some(&b'\n');
        let chunk = Chunk {
            raw_offset: record.raw_offset,
            lines_before: record.lines_before,
            raw,
            starts: record.starts,
            times: record.times,
            fresh,
        };
        Ok(Stored { chunk, sizes })
    }

    /// Raw offset of its first byte.
    #[must_use]
    pub fn raw_offset(&self) -> u64 {
        self.chunk.raw_offset
    }

    /// How many raw bytes it holds.
    #[must_use]
    pub fn raw_len(&self) -> u32 {
        self.sizes.raw_len
    }
}

/// What a log holds so far: its blocks, its hash, whether its last line is ended.
#[derive(Debug, Clone)]
pub struct Ledger {
    table: Arc<Table>,
    hasher: blake3::Hasher,
    fresh: bool,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Of an empty log.
    #[must_use]
    pub fn new() -> Ledger {
        Ledger { table: Arc::default(), hasher: blake3::Hasher::new(), fresh: true }
    }

    /// The blocks so far; cheap to keep.
    #[must_use]
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Raw bytes so far: where the next block begins.
    #[must_use]
    pub fn raw_len(&self) -> u64 {
        self.table.raw_len()
    }

    /// The empty chunk that follows all blocks.
    #[must_use]
    pub fn next_chunk(&self) -> Chunk {
        Chunk::at(self.raw_len(), self.table.lines(), self.fresh)
    }

    /// Adds the block that follows.
    ///
    /// # Errors
    /// When it does not follow, or its line index is not that of its bytes; nothing is changed
    /// then.
    pub fn add(&mut self, block: &Stored) -> Result<(), Damage> {
        let chunk = &block.chunk;
        let offset = chunk.raw_offset;
        if offset != self.raw_len() {
            return Err(Damage::OutOfPlace { expected: self.raw_len(), found: offset });
        }
        let fault = |what| Damage::Block { offset, what };
        if chunk.lines_before != self.table.lines() {
            return Err(fault("its first line number does not follow"));
        }
        let mut truth = self.next_chunk();
        truth.push(0, &chunk.raw);
        if truth.starts != chunk.starts {
            return Err(fault("its line index is not that of its bytes"));
        }
        self.count(block.sizes, &chunk.raw, truth.fresh)
            .ok_or_else(|| fault("no block can have such sizes"))
    }

    /// Counts a block that is known to be right.
    pub(crate) fn count(&mut self, sizes: Sizes, raw: &[u8], fresh: bool) -> Option<()> {
        Arc::make_mut(&mut self.table).push(sizes)?;
        self.hasher.update(raw);
        self.fresh = fresh;
        Some(())
    }

    /// Bytes, lines and hash of what is there.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            bytes: self.table.raw_len(),
            lines: self.table.lines(),
            hash: self.hasher.finalize().to_hex().to_string(),
        }
    }

    /// The trailer that closes the log as it stands.
    #[must_use]
    pub fn trailer(&self) -> Trailer {
        Trailer::of(&self.table, &self.hasher.finalize(), &mut Packer::new())
    }

    /// Compares a trailer with what is there.
    ///
    /// # Errors
    /// When it is no trailer, or speaks of other blocks, bytes, lines or another hash.
    pub fn check(&self, trailer: &Trailer) -> Result<Summary, Damage> {
        let (table, expected) = trailer.decode()?;
        self.compare(&table, &expected)
    }

    /// Whether the log begins with the blocks a trailer speaks of and goes on behind them: whoever
    /// made the trailer has lost what came then.
    #[must_use]
    pub fn outgrew(&self, trailer: &Trailer) -> bool {
        let (known, table) = (&self.table.entries, trailer.decode().map(|(table, _)| table));
        table.is_ok_and(|t| t.entries.len() < known.len() && known.starts_with(&t.entries))
    }

    pub(crate) fn compare(&self, table: &Table, expected: &Summary) -> Result<Summary, Damage> {
        let found = self.summary();
        let mismatch = |what, expected: &dyn ToString, found: &dyn ToString| {
            Err(Damage::Mismatch { what, expected: expected.to_string(), found: found.to_string() })
        };
        if expected.bytes != found.bytes {
            return mismatch("bytes", &expected.bytes, &found.bytes);
        }
        if expected.lines != found.lines {
            return mismatch("lines", &expected.lines, &found.lines);
        }
        if expected.hash != found.hash {
            return mismatch("hash", &expected.hash, &found.hash);
        }
        if *table != *self.table {
            return mismatch("blocks", &table.entries.len(), &self.table.entries.len());
        }
        Ok(found)
    }
}
