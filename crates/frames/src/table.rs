//! The table of a log's blocks: enough to find any byte or line with one seek.

use crate::chunk::BLOCK_MAX_BYTES;
use crate::frame::FRAME_MAX_BYTES;

/// The longest index record of a block, as stored.
const NOTE_MAX_BYTES: u32 = 1 << 20;

/// One block: where it lies in the file and what part of the log it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) file_offset: u64,
    pub(crate) raw_offset: u64,
    /// Lines that begin before this block.
    pub(crate) lines_before: u64,
    pub(crate) raw_len: u32,
    pub(crate) frame_len: u32,
    pub(crate) note_len: u32,
    /// Lines that begin in this block.
    pub(crate) line_count: u32,
}

impl Entry {
    pub(crate) fn raw_end(&self) -> u64 {
        self.raw_offset + u64::from(self.raw_len)
    }

    pub(crate) fn lines_end(&self) -> u64 {
        self.lines_before + u64::from(self.line_count)
    }

    fn file_end(&self) -> u64 {
        self.file_offset + u64::from(self.frame_len) + u64::from(self.note_len)
    }
}

/// The sizes of a block, as a trailer stores them; everything else is their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) raw_len: u32,
    pub(crate) frame_len: u32,
    pub(crate) note_len: u32,
    pub(crate) line_count: u32,
}

/// All blocks of a log, in order and without a gap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub(crate) entries: Vec<Entry>,
}

impl Table {
    /// Raw bytes in all blocks.
    #[must_use]
    pub fn raw_len(&self) -> u64 {
        self.entries.last().map_or(0, Entry::raw_end)
    }

    /// Lines that begin in the blocks.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.entries.last().map_or(0, Entry::lines_end)
    }

    /// Bytes of the file all blocks take: where the next one goes.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.entries.last().map_or(0, Entry::file_end)
    }

    /// Whether a block of exactly `raw_len` bytes lies at `raw_offset`.
    #[must_use]
    pub fn has_block(&self, raw_offset: u64, raw_len: u32) -> bool {
        self.entries
            .binary_search_by_key(&raw_offset, |entry| entry.raw_offset)
            .is_ok_and(|found| self.entries[found].raw_len == raw_len)
    }

    /// Appends a block; `None` if no block can have such sizes.
    pub(crate) fn push(&mut self, sizes: Sizes) -> Option<()> {
        let plausible = (1..=BLOCK_MAX_BYTES as u32).contains(&sizes.raw_len)
            && u64::from(sizes.frame_len) <= FRAME_MAX_BYTES
            && sizes.note_len <= NOTE_MAX_BYTES
            && sizes.line_count <= sizes.raw_len;
        plausible.then(|| {
            self.entries.push(Entry {
                file_offset: self.file_len(),
                raw_offset: self.raw_len(),
                lines_before: self.lines(),
                raw_len: sizes.raw_len,
                frame_len: sizes.frame_len,
                note_len: sizes.note_len,
                line_count: sizes.line_count,
            });
        })
    }
}
