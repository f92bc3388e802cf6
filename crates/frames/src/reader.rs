//! The reader: any bytes of a log, open or closed, with the live tail behind it where there is one.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::damage::Damage;
use crate::frame::{Packer, cut_off};
use crate::ledger::{Ledger, Stored};
use crate::note::{self, Kind};
use crate::table::{Entry, Table};
use crate::trailer::Summary;
use crate::walk;

/// The most bytes one call of `bytes` answers; ask again from where it ended.
pub const READ_MAX_BYTES: u64 = 4 << 20;
/// Decoded blocks kept: the one being read and its neighbour, for lines that span both.
const CACHED_BLOCKS: usize = 2;

/// Reads a log. Memory: the table, two decoded blocks, and what is answered.
pub struct Reader<R> {
    source: R,
    table: Arc<Table>,
    closed: Option<Summary>,
    torn: Option<Damage>,
    tail: Option<Arc<Chunk>>,
    cache: Vec<(usize, Arc<Chunk>)>,
    packer: Packer,
}

impl<R: Read + Seek> Reader<R> {
    /// Opens a log by its trailer, or by walking an open one; what follows the last whole block of
    /// an open log is left out and told by `torn`.
    ///
    /// # Errors
    /// When it cannot be read, its trailer is damaged, or a newer Steading wrote it.
    pub fn open(mut source: R) -> Result<Reader<R>, Damage> {
        let mut packer = Packer::new();
        let walk::Opened { table, summary, torn } = walk::open(&mut source, &mut packer)?;
        let mut reader = Reader::with_table(source, Arc::new(table));
        (reader.closed, reader.torn, reader.packer) = (summary, torn, packer);
        Ok(reader)
    }

    /// Reads a log whose blocks are known, without looking at the file first.
    #[must_use]
    pub fn with_table(source: R, table: Arc<Table>) -> Reader<R> {
        let packer = Packer::new();
        Reader { source, table, closed: None, torn: None, tail: None, cache: Vec::new(), packer }
    }

    /// Shows `tail` behind the stored blocks, if it begins exactly where they end.
    #[must_use]
    pub fn with_tail(mut self, tail: Chunk) -> Reader<R> {
        let fits =
            tail.raw_offset == self.table.raw_len() && tail.lines_before == self.table.lines();
        self.tail = (fits && !tail.raw.is_empty()).then(|| Arc::new(tail));
        self
    }

    /// Raw bytes in all, the tail included.
    #[must_use]
    pub fn raw_len(&self) -> u64 {
        self.tail.as_ref().map_or(self.table.raw_len(), |tail| tail.end())
    }

    /// Lines in all, the tail included; they count from 1.
    #[must_use]
    pub fn line_count(&self) -> u64 {
        let in_tail = self.tail.as_ref().map_or(0, |tail| tail.starts.len() as u64);
        self.table.lines() + in_tail
    }

    /// The blocks stored.
    #[must_use]
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// What the trailer says, of a closed log.
    #[must_use]
    pub fn closed(&self) -> Option<&Summary> {
        self.closed.as_ref()
    }

    /// What lies behind the last whole block of an open log: a write that was cut off.
    #[must_use]
    pub fn torn(&self) -> Option<&Damage> {
        self.torn.as_ref()
    }

    /// Raw bytes of `range`, as far as they exist, at most `READ_MAX_BYTES` from its start.
    ///
    /// # Errors
    /// When the file cannot be read or a block touched is damaged.
    pub fn bytes(&mut self, range: Range<u64>) -> Result<Vec<u8>, Damage> {
        let end = range.end.min(self.raw_len()).min(range.start.saturating_add(READ_MAX_BYTES));
        let mut out = Vec::new();
        let mut at = range.start;
        while at < end {
            let chunk = self.chunk(self.block_at(at))?;
            let from = (at - chunk.raw_offset) as usize;
            let to = (end.min(chunk.end()) - chunk.raw_offset) as usize;
            out.extend_from_slice(&chunk.raw[from..to]);
            at = chunk.end();
        }
        Ok(out)
    }

    /// Decodes everything and compares it with the index, and with the trailer of a closed log.
    ///
    /// # Errors
    /// The first damage found, a torn end of an open log included.
    pub fn verify(&mut self) -> Result<Summary, Damage> {
        let (ledger, damage) = self.audit();
        if let Some(damage) = damage.or_else(|| self.torn.take()) {
            return Err(damage);
        }
        match self.closed.clone() {
            Some(expected) => ledger.compare(&self.table, &expected),
            None => Ok(ledger.summary()),
        }
    }

    /// Decodes everything, in order, up to the first damage: the sound part as a ledger, so that a
    /// log can go on behind it, and what was wrong after it.
    pub fn audit(&mut self) -> (Ledger, Option<Damage>) {
        let mut ledger = Ledger::new();
        for index in 0..self.table.entries.len() {
            let added = self.stored(index).and_then(|block| ledger.add(&block));
            if let Err(damage) = added {
                return (ledger, Some(damage));
            }
        }
        (ledger, None)
    }

    /// How many chunks there are: the blocks, and the tail.
    pub(crate) fn chunk_count(&self) -> usize {
        self.table.entries.len() + usize::from(self.tail.is_some())
    }

    /// The chunk of an index, decoded.
    pub(crate) fn chunk(&mut self, index: usize) -> Result<Arc<Chunk>, Damage> {
        if let (true, Some(tail)) = (index == self.table.entries.len(), &self.tail) {
            return Ok(tail.clone());
        }
        if let Some(hit) = self.cache.iter().position(|(cached, _)| *cached == index) {
            let entry = self.cache.remove(hit);
            self.cache.push(entry);
        } else {
            let block = self.stored(index)?;
            if self.cache.len() == CACHED_BLOCKS {
                self.cache.remove(0);
            }
            self.cache.push((index, Arc::new(block.chunk)));
        }
        Ok(self.cache.last().expect("just pushed").1.clone())
    }

    /// The chunk that holds the raw byte `offset`, which must exist.
    fn block_at(&self, offset: u64) -> usize {
        self.table.entries.partition_point(|entry| entry.raw_end() <= offset)
    }

    /// The chunk in which line `number` begins, which must exist.
    pub(crate) fn block_of_line(&self, number: u64) -> usize {
        self.table.entries.partition_point(|entry| entry.lines_end() < number)
    }

    /// The first chunk from `index` on in which any line begins.
    pub(crate) fn next_with_lines(&self, index: usize) -> Option<usize> {
        let blocks = self.table.entries.iter().enumerate().skip(index);
        let block = blocks.filter(|(_, e)| e.line_count > 0).map(|(i, _)| i).next();
        block.or_else(|| {
            let tail = self.tail.as_ref().filter(|tail| !tail.starts.is_empty());
            tail.map(|_| self.table.entries.len()).filter(|i| *i >= index)
        })
    }

    fn stored(&mut self, index: usize) -> Result<Stored, Damage> {
        let entry = self.table.entries[index];
        let at = entry.file_offset;
        self.source.seek(SeekFrom::Start(at))?;
        let mut frame = vec![0; entry.frame_len as usize];
        self.source.read_exact(&mut frame).map_err(|e| cut_off(e, at))?;
        let note_at = at + u64::from(entry.frame_len);
        let (body, note_len) =
            note::read(&mut self.source, note_at, Kind::Block, &mut self.packer)?;
        let block = Stored::assemble(&frame, &body, note_len, &mut self.packer)?;
        if fits(&block, &entry) {
            Ok(block)
        } else {
            let what = "its index record is not what the table says";
            Err(Damage::Block { offset: entry.raw_offset, what })
        }
    }
}

fn fits(block: &Stored, entry: &Entry) -> bool {
    let sizes = block.sizes;
    block.chunk.raw_offset == entry.raw_offset
        && block.chunk.lines_before == entry.lines_before
        && sizes.raw_len == entry.raw_len
        && sizes.note_len == entry.note_len
        && sizes.line_count == entry.line_count
}
