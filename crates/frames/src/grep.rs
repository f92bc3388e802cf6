//! Searching a log: the caller's predicate over its lines, oldest or newest first, within limits.

use std::io::{Read, Seek};

use crate::chunk::{BLOCK_MAX_BYTES, Chunk};
use crate::damage::Damage;
use crate::lines::{LISTING_MAX_BYTES, Line, Span};
use crate::reader::Reader;

/// A line longer than this is offered to the predicate in pieces of this size.
const PIECE_MAX_BYTES: u64 = BLOCK_MAX_BYTES as u64;
/// … that overlap by this much, so that a short match is not lost between two of them.
const OVERLAP_BYTES: u64 = 4 << 10;

/// Which end of the log is searched first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the first line on.
    OldestFirst,
    /// From the last line back.
    NewestFirst,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// Which end first.
    pub order: Order,
    /// The line to begin with; none means the end the order begins at.
    pub from: Option<u64>,
    /// Stop after this many lines found.
    pub limit: usize,
    /// Stop at the first line after this many raw bytes were searched.
    pub scan_max_bytes: u64,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The lines, in the order searched.
    pub lines: Vec<Line>,
    /// Where to go on; none once the log was searched to its end.
    pub next: Option<u64>,
}

/// A search under way.
struct Pass<'a> {
    search: Search,
    predicate: &'a mut dyn FnMut(&[u8]) -> bool,
    found: Found,
    scanned: u64,
    shown: usize,
}

impl Pass<'_> {
    fn is_spent(&self) -> bool {
        self.found.lines.len() >= self.search.limit
            || self.scanned >= self.search.scan_max_bytes
            || self.shown >= LISTING_MAX_BYTES
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Finds the lines the predicate accepts. It sees a line without its `\n`; one longer than
    /// 256 KiB that spans blocks is shown in overlapping pieces.
    ///
    /// # Errors
    /// When the file cannot be read or a block touched is damaged.
    pub fn grep(
        &mut self,
        search: Search,
        mut predicate: impl FnMut(&[u8]) -> bool,
    ) -> Result<Found, Damage> {
        let total = self.line_count();
        let begin = match search.order {
            Order::OldestFirst => search.from.unwrap_or(1).max(1),
            Order::NewestFirst => search.from.unwrap_or(total).min(total),
        };
        let found = Found::default();
        let mut pass = Pass { search, predicate: &mut predicate, found, scanned: 0, shown: 0 };
        let mut next = (1..=total).contains(&begin).then_some(begin);
        while let Some(number) = next {
            next = self.grep_chunk(&mut pass, number)?;
            if pass.found.next.is_some() {
                break;
            }
        }
        Ok(pass.found)
    }

    /// Searches the lines of the chunk in which `number` begins, from there on; answers the line
    /// after them, or leaves in `found.next` where the limits stopped it.
    fn grep_chunk(&mut self, pass: &mut Pass<'_>, number: u64) -> Result<Option<u64>, Damage> {
        let index = self.block_of_line(number);
        let chunk = self.chunk(index)?;
        let (first, last) =
            (chunk.lines_before + 1, chunk.lines_before + chunk.starts.len() as u64);
        let forward = pass.search.order == Order::OldestFirst;
        let count = if forward { last - number + 1 } else { number - first + 1 };
        for step in 0..count {
            let line = if forward { number + step } else { number - step };
            if pass.is_spent() {
                pass.found.next = Some(line);
                return Ok(None);
            }
            self.grep_line(pass, index, &chunk, (line - first) as usize)?;
        }
        let next = if forward { last + 1 } else { first - 1 };
        Ok((1..=self.line_count()).contains(&next).then_some(next))
    }

    fn grep_line(
        &mut self,
        pass: &mut Pass<'_>,
        index: usize,
        chunk: &Chunk,
        within: usize,
    ) -> Result<(), Damage> {
        let span = self.span(index, chunk, within)?;
        pass.scanned += span.end - span.start + 1;
        let hit = if span.end <= chunk.end() {
            let (from, to) = (span.start - chunk.raw_offset, span.end - chunk.raw_offset);
            (pass.predicate)(&chunk.raw[from as usize..to as usize])
        } else {
            self.matches_long(pass, span)?
        };
        if hit {
            let line = self.show(span)?;
            pass.shown += line.bytes.len();
            pass.found.lines.push(line);
        }
        Ok(())
    }

    /// A line that spans chunks, piece by piece.
    fn matches_long(&mut self, pass: &mut Pass<'_>, span: Span) -> Result<bool, Damage> {
        let mut start = span.start;
        loop {
            let end = span.end.min(start + PIECE_MAX_BYTES);
            let piece = self.bytes(start..end)?;
            if (pass.predicate)(&piece) {
                return Ok(true);
            }
            if end == span.end {
                return Ok(false);
            }
            start = end - OVERLAP_BYTES;
        }
    }
}
