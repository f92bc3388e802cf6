//! One spooled log: a file of blocks, and what of it is sent and acknowledged.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steading_frames::{Block, Summary, Trailer};
use steading_wire::worker::{BulkToMaster, LogKey, Micros};
use tokio::sync::Notify;

/// How many encoded bytes of a log may be sent before one is acknowledged.
const WINDOW_BYTES: u64 = 8 << 20;
/// How much of the live tail waits for the link at most, in bytes.
const TAIL_BYTES_MAX: usize = 64 << 10;

/// A log in the spool. One writer appends, the bulk link reads.
#[derive(Debug)]
pub(crate) struct SpooledLog {
    key: LogKey,
    path: PathBuf,
    file: File,
    news: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Blocks not yet acknowledged, oldest first.
    blocks: VecDeque<Span>,
    /// How many of them are sent on this link.
    sent: usize,
    /// What the answers to blocks sent on this link must say, oldest first: each block has one.
    awaited: VecDeque<Span>,
    /// Their encoded bytes.
    in_flight: u64,
    /// Where the next block goes in the file.
    end: u64,
    tail: Option<Tail>,
    close: Option<(Trailer, Summary)>,
    close_sent: bool,
    /// The master does not want it: nothing is kept any more.
    unwanted: bool,
}

/// Raw bytes for whoever watches.
#[derive(Debug)]
struct Tail {
    raw_offset: u64,
    at: Micros,
    bytes: Vec<u8>,
}

impl Tail {
    fn end(&self) -> u64 {
        self.raw_offset + self.bytes.len() as u64
    }
}

/// A block in the file.
#[derive(Debug, Clone, Copy)]
struct Span {
    raw_offset: u64,
    raw_end: u64,
    at: u64,
    length: u32,
}

/// What to send next.
#[derive(Debug)]
pub(crate) enum Due {
    /// A block, still in the file.
    Block(BlockDue),
    /// Something small.
    Message(BulkToMaster),
}

/// A block to be read and sent.
#[derive(Debug)]
pub(crate) struct BlockDue(Span);

impl SpooledLog {
    /// An empty log in a new file at `path`.
    pub(crate) fn create(key: LogKey, path: PathBuf, news: Arc<Notify>) -> io::Result<SpooledLog> {
        let file = fs_err::OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&path)?
            .into_parts()
            .0;
        Ok(SpooledLog { key, path, file, news, state: Mutex::default() })
    }

    /// Puts a block into the spool.
    ///
    /// # Errors
    /// When the disk cannot take it.
    pub(crate) fn append(&self, block: &Block) -> io::Result<()> {
        let at = {
            let state = self.state();
            if state.unwanted {
                return Ok(());
            }
            state.end
        };
        // Only this writer appends, so the place cannot be taken meanwhile.
        self.file.write_all_at(&block.encoded, at)?;
        let mut state = self.state();
        let length = u32::try_from(block.encoded.len()).map_err(io::Error::other)?;
        state.end = at + u64::from(length);
        state.blocks.push_back(Span {
            raw_offset: block.raw_offset,
            raw_end: block.raw_offset + u64::from(block.raw_len),
            at,
            length,
        });
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// Offers raw bytes that came at `at` for whoever watches; answers how many were taken.
    pub(crate) fn offer_tail(&self, raw_offset: u64, at: Micros, bytes: &[u8]) -> usize {
        let mut state = self.state();
        let fresh = || Tail { raw_offset, at, bytes: Vec::new() };
        let tail = state.tail.get_or_insert_with(fresh);
        if tail.end() != raw_offset {
            *tail = fresh();
        }
        let taken = bytes.len().min(TAIL_BYTES_MAX - tail.bytes.len());
        tail.bytes.extend_from_slice(&bytes[..taken]);
        drop(state);
        self.news.notify_one();
        taken
    }

    /// Ends the log.
    pub(crate) fn close(&self, trailer: Trailer, summary: Summary) {
        self.state().close = Some((trailer, summary));
        self.news.notify_one();
    }

    /// What to send next; counted as sent.
    pub(crate) fn next(&self) -> Option<Due> {
        let mut state = self.state();
        if let Some(span) = state.blocks.get(state.sent).copied() {
            if state.in_flight >= WINDOW_BYTES {
                return None;
            }
            state.sent += 1;
            state.awaited.push_back(span);
            state.in_flight += u64::from(span.length);
            return Some(Due::Block(BlockDue(span)));
        }
        if let Some(Tail { raw_offset, at, bytes }) = state.tail.take() {
            let log = self.key.clone();
            return Some(Due::Message(BulkToMaster::Tail { log, raw_offset, at, bytes }));
        }
        let (trailer, summary) = state.close.as_ref().filter(|_| !state.close_sent)?;
        let close = BulkToMaster::Close {
            log: self.key.clone(),
            trailer: trailer.encoded.clone(),
            bytes: summary.bytes,
            lines: summary.lines,
            hash: summary.hash.clone(),
        };
        state.close_sent = true;
        Some(Due::Message(close))
    }

    /// Reads a block from the file.
    ///
    /// # Errors
    /// When the disk cannot give it back.
    pub(crate) fn read(&self, due: &BlockDue) -> io::Result<BulkToMaster> {
        let span = due.0;
        let mut encoded = vec![0; span.length as usize];
        self.file.read_exact_at(&mut encoded, span.at)?;
        Ok(BulkToMaster::Block { log: self.key.clone(), raw_offset: span.raw_offset, encoded })
    }

    /// Everything below `next` is durable: the answer to the oldest block in flight. False when
    /// that block is not among it: the master could not take it, or could not close the log.
    pub(crate) fn acknowledge(&self, next: u64) -> bool {
        let mut state = self.state();
        while state.blocks.front().is_some_and(|span| span.raw_end <= next) {
            state.blocks.pop_front();
            state.sent = state.sent.saturating_sub(1);
        }
        let answered = state.awaited.pop_front();
        state.in_flight -= answered.map_or(0, |span| u64::from(span.length));
        drop(state);
        self.news.notify_one();
        answered.is_some_and(|span| span.raw_end <= next)
    }

    /// A new link knows nothing: everything unacknowledged is sent again.
    pub(crate) fn rewind(&self) {
        let mut state = self.state();
        (state.sent, state.in_flight, state.close_sent, state.tail) = (0, 0, false, None);
        state.awaited.clear();
    }

    /// Deletes the file; whatever is still written goes nowhere.
    pub(crate) fn discard(&self) {
        let mut state = self.state();
        state.unwanted = true;
        state.blocks.clear();
        state.awaited.clear();
        state.close = None;
        (state.sent, state.in_flight) = (0, 0);
        if let Err(error) = fs_err::remove_file(&self.path) {
            tracing::warn!("a spooled log stays on disk: {error}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
