//! One spooled log on its way: which of its blocks are sent, which are acknowledged.
//!
//! It decides without any I/O: blocks and a closing are announced to it as they are found in the
//! step's file, answers of the master as they come, and it says what to send next.

use std::collections::VecDeque;

use steading_wire::worker::{BulkToMaster, LogKey, Micros};

/// How many encoded bytes of a log may be sent before one is acknowledged.
const WINDOW_BYTES: u64 = 8 << 20;
/// How much of the live tail waits for the link at most, in bytes.
const TAIL_BYTES_MAX: usize = 64 << 10;

/// What is known of a log in the spool.
#[derive(Debug)]
pub(crate) struct SpooledLog {
    key: LogKey,
    /// Blocks not yet acknowledged, oldest first.
    blocks: VecDeque<Span>,
    /// How many of them are sent on this link.
    sent: usize,
    /// What the answers to blocks sent on this link must say, oldest first: each block has one.
    awaited: VecDeque<Span>,
    /// Their encoded bytes.
    in_flight: u64,
    tail: Option<Tail>,
    close: Option<BulkToMaster>,
    close_sent: bool,
}

/// Raw bytes for whoever watches.
#[derive(Debug)]
struct Tail {
    raw_offset: u64,
    at: Micros,
    bytes: Vec<u8>,
}

impl Tail {
    fn end(&mut self) -> u64 {
        self.raw_offset + self.bytes.len() as u64
    }
}

/// A block in the step's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Offset of its first raw byte.
    pub raw_offset: u64,
    /// Offset behind its last raw byte.
    pub raw_end: u64,
    /// Where its record is in the file.
    pub at: u64,
    /// How long the record is.
    pub length: u32,
}

/// What to send next.
#[derive(Debug)]
pub enum Due {
    /// A block, still in the file.
    Block(Span),
    /// Something small.
    Message(BulkToMaster),
}

impl SpooledLog {
    /// A log nothing is known of yet.
    pub(crate) fn new(key: LogKey) -> SpooledLog {
        SpooledLog {
            key,
            blocks: VecDeque::new(),
            sent: 0,
            awaited: VecDeque::new(),
            in_flight: 0,
            tail: None,
            close: None,
            close_sent: false,
        }
    }

    /// There is one more block in the file.
    pub(crate) fn add(&mut self, span: Span) {
        self.blocks.push_back(span);
    }

    /// Offers raw bytes that came at `at` for whoever watches; answers how many were taken.
    pub(crate) fn offer_tail(&mut self, raw_offset: u64, at: Micros, bytes: &[u8]) -> usize {
        let fresh = || Tail { raw_offset, at, bytes: Vec::new() };
        let tail = self.tail.get_or_insert_with(fresh);
        if tail.end() != raw_offset {
            *tail = fresh();
        }
        let taken = bytes.len().min(TAIL_BYTES_MAX - tail.bytes.len());
        tail.bytes.extend_from_slice(&bytes[..taken]);
        taken
    }

    /// The log is whole: what to say once every block is acknowledged or sent.
    pub(crate) fn close(&mut self, close: BulkToMaster) {
        self.close = Some(close);
    }

    /// Whether the log is whole.
    pub(crate) fn is_closed(&self) -> bool {
        self.close.is_some()
    }

    /// What to send next; counted as sent.
    pub(crate) fn next(&mut self) -> Option<Due> {
        if let Some(span) = self.blocks.get(self.sent).copied() {
            if self.in_flight >= WINDOW_BYTES {
                return None;
            }
            self.sent += 1;
            self.awaited.push_back(span);
            self.in_flight += u64::from(span.length);
            return Some(Due::Block(span));
        }
        if let Some(Tail { raw_offset, at, bytes }) = self.tail.take() {
            let log = self.key.clone();
            return Some(Due::Message(BulkToMaster::Tail { log, raw_offset, at, bytes }));
        }
        let close = self.close.clone().filter(|_| !self.close_sent)?;
        self.close_sent = true;
        Some(Due::Message(close))
    }

    /// Everything below `next` is durable: the answer to the oldest block in flight. False when
    /// that block is not among it: the master could not take it, or could not close the log.
    pub(crate) fn acknowledge(&mut self, next: u64) -> bool {
        while self.blocks.front().is_some_and(|span| span.raw_end <= next) {
            self.blocks.pop_front();
            self.sent = self.sent.saturating_sub(1);
        }
        let answered = self.awaited.pop_front();
        self.in_flight -= answered.map_or(0, |span| u64::from(span.length));
        answered.is_some_and(|span| span.raw_end <= next)
    }

    /// A new link knows nothing: everything unacknowledged is sent again.
    pub(crate) fn rewind(&mut self) {
        (self.sent, self.in_flight, self.close_sent, self.tail) = (0, 0, false, None);
        self.awaited.clear();
    }
}
