//! Lines of a log by number, each cut to a length that can be shown.

use std::io::{Read, Seek};

use crate::chunk::Chunk;
use crate::damage::Damage;
use crate::reader::Reader;

/// The most bytes shown of one line; `Line::is_cut` says when there are more.
pub const LINE_SHOWN_MAX_BYTES: u64 = 16 << 10;
/// The most lines one call lists; ask again from where it ended.
pub const LINES_LISTED_MAX: usize = 10_000;
/// One call lists no further line once it has this many bytes.
pub const LISTING_MAX_BYTES: usize = 4 << 20;

/// One line as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, counted from 1.
    pub number: u64,
    /// When its first byte was printed, in microseconds since 1970 UTC.
    pub at: i64,
    /// Raw offset of its first byte.
    pub offset: u64,
    /// All its bytes, the `\n` not counted.
    pub length: u64,
    /// Its first bytes, at most `LINE_SHOWN_MAX_BYTES`, without the `\n`.
    pub bytes: Vec<u8>,
}

impl Line {
    /// Whether there is more of the line than is shown.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.length
    }
}

/// Where a line lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) number: u64,
    pub(crate) at: i64,
    pub(crate) start: u64,
    /// Raw offset behind its last byte, the `\n` not counted.
    pub(crate) end: u64,
}

impl<R: Read + Seek> Reader<R> {
    /// Lists up to `count` lines from number `first` on (0 is taken as 1). Fewer are answered at
    /// the end of the log, or when a limit of this module is reached: then ask again from the
    /// number after the last.
    ///
    /// # Errors
    /// When the file cannot be read or a block touched is damaged.
    pub fn lines(&mut self, first: u64, count: usize) -> Result<Vec<Line>, Damage> {
        let first = first.max(1);
        let mut lines = Vec::new();
        let mut size = 0;
        for number in first..=self.line_count() {
            if lines.len() >= count.min(LINES_LISTED_MAX) || size >= LISTING_MAX_BYTES {
                break;
            }
            let index = self.block_of_line(number);
            let chunk = self.chunk(index)?;
            let within = (number - chunk.lines_before - 1) as usize;
            let span = self.span(index, &chunk, within)?;
            let line = self.show(span)?;
            size += line.bytes.len();
            lines.push(line);
        }
        Ok(lines)
    }

    /// Where the line lies that is the `within`th to begin in a chunk.
    pub(crate) fn span(
        &mut self,
        index: usize,
        chunk: &Chunk,
        within: usize,
    ) -> Result<Span, Damage> {
        let start = chunk.raw_offset + u64::from(chunk.starts[within]);
        let end = match chunk.starts.get(within + 1) {
            Some(next) => chunk.raw_offset + u64::from(*next) - 1,
            None => self.end_of_last_line(index)?,
        };
        let number = chunk.lines_before + within as u64 + 1;
        Ok(Span { number, at: chunk.times[within], start, end })
    }

    /// A line as it is shown.
    pub(crate) fn show(&mut self, span: Span) -> Result<Line, Damage> {
        let shown = span.end.min(span.start + LINE_SHOWN_MAX_BYTES);
        let bytes = self.bytes(span.start..shown)?;
        let (number, at, offset) = (span.number, span.at, span.start);
        Ok(Line { number, at, offset, length: span.end - span.start, bytes })
    }

    /// Where the last line that begins in a chunk ends: maybe many chunks later.
    fn end_of_last_line(&mut self, index: usize) -> Result<u64, Damage> {
        if let Some(next) = self.next_with_lines(index + 1) {
            let chunk = self.chunk(next)?;
            return Ok(chunk.raw_offset + u64::from(chunk.starts[0]) - 1);
        }
        let last = self.chunk(self.chunk_count() - 1)?;
        Ok(last.end() - u64::from(last.raw.last() == Some(&b'\n')))
    }
}
