//! What is known of an open log beside its file: the live tail, and how far the file is durable.

use std::collections::VecDeque;

use steading_frames::Chunk;

/// The most raw bytes of a live tail kept for one log.
pub(super) const TAIL_MAX_BYTES: usize = 512 << 10;

/// Consecutive raw bytes that came before their block. When it grows too long its oldest bytes go:
/// they are seen once their block is stored.
#[derive(Debug, Default)]
struct Tail {
    base: u64,
    bytes: VecDeque<u8>,
    /// Raw offset and time of each piece.
    pieces: VecDeque<(u64, i64)>,
}

impl Tail {
    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    fn push(&mut self, raw_offset: u64, at_micros: i64, bytes: &[u8]) {
        let end = raw_offset.saturating_add(bytes.len() as u64);
        if raw_offset < self.base || raw_offset > self.end() {
            *self = Tail { base: raw_offset, ..Tail::default() };
        }
        let known = (self.end() - raw_offset) as usize;
        if end > self.end() {
            self.pieces.push_back((self.end(), at_micros));
            self.bytes.extend(&bytes[known..]);
        }
        let excess = self.bytes.len().saturating_sub(TAIL_MAX_BYTES) as u64;
        self.trim(self.base + excess);
    }

    /// Forgets everything below `raw_offset`.
    fn trim(&mut self, raw_offset: u64) {
        let gone = raw_offset.clamp(self.base, self.end()) - self.base;
        self.bytes.drain(..gone as usize);
        self.base = self.base.max(raw_offset);
        while self.pieces.get(1).is_some_and(|(start, _)| *start <= self.base) {
            self.pieces.pop_front();
        }
        if self.bytes.is_empty() {
            self.pieces.clear();
        }
    }

    /// Appends to `chunk` what follows it.
    fn extend(&self, chunk: &mut Chunk) {
        let (front, back) = self.bytes.as_slices();
        let bytes = [front, back].concat();
        for (index, (start, at_micros)) in self.pieces.iter().enumerate() {
            let from = (*start).max(chunk.end());
            let to = self.pieces.get(index + 1).map_or(self.end(), |(next, _)| *next);
            if from >= self.base && from < to && from == chunk.end() {
                chunk.push(
                    *at_micros,
                    &bytes[(from - self.base) as usize..(to - self.base) as usize],
                );
            }
        }
    }
}

/// The memory of an open log.
#[derive(Debug, Default)]
pub(super) struct Live {
    tail: Tail,
    /// Raw bytes in the file, durable or not.
    stored: u64,
    /// Raw bytes and file bytes known to be durable.
    pub(super) durable: Extent,
    /// Whether making the file durable failed: what lies behind `durable` is not to be trusted.
    pub(super) failed: bool,
    /// Counts the failures, so that an answer from before one is not taken for good.
    pub(super) generation: u64,
}

/// How long a log is, in raw bytes and in bytes of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extent {
    pub(super) raw: u64,
    pub(super) file: u64,
}

impl Live {
    /// Takes bytes of the live tail, as far as they are not stored yet.
    pub(super) fn push_tail(&mut self, raw_offset: u64, at_micros: i64, bytes: &[u8]) {
        if raw_offset.checked_add(bytes.len() as u64).is_none() {
            // No log has such a place; only a peer that makes things up would say so.
            return;
        }
        let known = usize::try_from(self.stored.saturating_sub(raw_offset)).unwrap_or(usize::MAX);
        if let Some(fresh) = bytes.get(known..).filter(|fresh| !fresh.is_empty()) {
            self.tail.push(raw_offset.max(self.stored), at_micros, fresh);
        }
    }

    /// The file now holds `raw` bytes of the log.
    pub(super) fn stored(&mut self, raw: u64) {
        self.stored = raw;
        self.tail.trim(raw);
    }

    /// The file was just found, or made, durable as it is.
    pub(super) fn reloaded(&mut self, extent: Extent) {
        self.stored(extent.raw);
        self.durable = extent;
        self.failed = false;
    }

    /// An answer of the syncer for what was written in `generation`; says whether to trust it.
    pub(super) fn settled(&mut self, generation: u64, extent: Extent, success: bool) -> bool {
        if generation != self.generation || !success {
            self.failed |= generation == self.generation;
            self.generation += u64::from(generation == self.generation);
            return false;
        }
        if extent.file > self.durable.file {
            self.durable = extent;
        }
        true
    }

    /// Raw bytes that can be read without a gap.
    pub(super) fn visible(&self) -> u64 {
        if self.tail.base <= self.stored { self.stored.max(self.tail.end()) } else { self.stored }
    }

    /// The tail behind `chunk`, which is empty and stands where the stored blocks end.
    pub(super) fn tail_behind(&self, mut chunk: Chunk) -> Chunk {
        self.tail.extend(&mut chunk);
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_beyond_every_log_is_not_believed() {
        let mut live = Live::default();
        live.push_tail(u64::MAX - 1, 1, b"beyond");
        live.push_tail(0, 1, b"here");
        assert_eq!(live.visible(), 4);
    }
}
