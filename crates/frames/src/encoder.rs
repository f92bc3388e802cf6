//! The encoder: pieces of output in, blocks and at last a trailer out. It holds at most one block.

use crate::chunk::Chunk;
use crate::frame::Packer;
use crate::ledger::Ledger;
use crate::note::{self, Kind};
use crate::record;
use crate::table::Sizes;
use crate::trailer::{Summary, Trailer};

/// A finished part of a log, ready to be stored verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Raw offset of its first byte.
    pub raw_offset: u64,
    /// How many raw bytes it holds.
    pub raw_len: u32,
    /// The data frame and its index record.
    pub encoded: Vec<u8>,
}

/// Turns the output of a step into blocks. The same bytes give the same cuts.
pub struct Encoder {
    ledger: Ledger,
    chunk: Chunk,
    packer: Packer,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// Of an empty log.
    #[must_use]
    pub fn new() -> Encoder {
        Encoder::resume(Ledger::new())
    }

    /// Goes on behind what a ledger knows to be there.
    #[must_use]
    pub fn resume(ledger: Ledger) -> Encoder {
        Encoder { chunk: ledger.next_chunk(), ledger, packer: Packer::new() }
    }

    /// Takes bytes printed at `at_micros` (since 1970, UTC); answers the blocks they filled.
    pub fn push(&mut self, at_micros: i64, bytes: &[u8]) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.chunk.push_block(at_micros, rest);
            if self.chunk.is_full() {
                blocks.push(self.cut());
            }
        }
        blocks
    }

    /// The raw bytes not yet in a block, and the raw offset of the first of them.
    #[must_use]
    pub fn pending(&self) -> (&[u8], u64) {
        (&self.chunk.raw, self.chunk.raw_offset)
    }

    /// Ends the log: the last block if bytes were pending, the trailer, and what both amount to.
    #[must_use]
    pub fn finish(mut self) -> (Option<Block>, Trailer, Summary) {
        let last = (!self.chunk.raw.is_empty()).then(|| self.cut());
        (last, self.ledger.trailer(), self.ledger.summary())
    }

    fn cut(&mut self) -> Block {
        let next = self.chunk.next();
        let chunk = std::mem::replace(&mut self.chunk, next);
        let mut encoded = self.packer.pack(&chunk.raw);
        let frame_len = encoded.len();
        let body = record::encode(&chunk, &encoded);
        encoded.extend(note::encode(Kind::Block, &body, &mut self.packer));
        let size = |n: usize| u32::try_from(n).expect("blocks are far below 4 GiB");
        let sizes = Sizes {
            raw_len: size(chunk.raw.len()),
            frame_len: size(frame_len),
            note_len: size(encoded.len() - frame_len),
            line_count: size(chunk.starts.len()),
        };
        self.ledger
            .count(sizes, &chunk.raw, chunk.fresh)
            .expect("a chunk is bounded as a block is");
        Block { raw_offset: chunk.raw_offset, raw_len: sizes.raw_len, encoded }
    }
}
