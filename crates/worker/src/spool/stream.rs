//! One log being written: bytes in, blocks out, and what of it nobody was shown yet.

use std::io::ErrorKind;

use steading_frames::{Block, Encoder, Ledger, Summary, Trailer};
use steading_wire::worker::Micros;

use crate::capture::LastLines;

/// Which of a step's two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// What it printed, or what the worker did.
    Out,
    /// What went wrong.
    Err,
}

impl Stream {
    /// Both, in the order in which reports name them.
    pub const BOTH: [Stream; 2] = [Stream::Out, Stream::Err];

    /// Its name in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Out => "stdout",
            Stream::Err => "stderr",
        }
    }

    /// The stream of that name.
    pub fn named(name: &str) -> Option<Stream> {
        Stream::BOTH.into_iter().find(|stream| stream.name() == name)
    }
}

/// A log of a step. Nothing of it is written anywhere until its first byte.
pub(super) struct Writing {
    encoder: Encoder,
    limit: u64,
    kept: u64,
    left_out: u64,
    shown: u64,
    /// When the oldest byte came that nobody was shown yet.
    unseen_since: Micros,
    last: LastLines,
    /// A block could not be written, and why: the log is never whole again.
    pub(super) broken: Option<ErrorKind>,
    /// Its end is written already.
    pub(super) closed: bool,
}

impl Writing {
    /// A log that goes on behind what a ledger knows, and keeps `limit` raw bytes in all.
    pub(super) fn resume(ledger: Ledger, limit: u64) -> Writing {
        Writing {
            kept: ledger.raw_len(),
            encoder: Encoder::resume(ledger),
            limit,
            left_out: 0,
            shown: 0,
            unseen_since: Micros(0),
            last: LastLines::default(),
            broken: None,
            closed: false,
        }
    }

    /// Takes bytes that came at `now`; answers the blocks they filled.
    pub(super) fn push(&mut self, now: Micros, bytes: &[u8]) -> Vec<Block> {
        let room = usize::try_from(self.limit.saturating_sub(self.kept)).unwrap_or(usize::MAX);
        let (kept, left_out) = bytes.split_at(room.min(bytes.len()));
        self.left_out += left_out.len() as u64;
        self.kept += kept.len() as u64;
        self.last.push(bytes);
        self.keep(now, kept)
    }

    fn keep(&mut self, now: Micros, bytes: &[u8]) -> Vec<Block> {
        if self.shown >= self.end() {
            self.unseen_since = now;
        }
        self.encoder.push(now.0, bytes)
    }

    /// What is pending and was not shown yet: its offset, when it came, the bytes.
    pub(super) fn unseen(&mut self) -> Option<(u64, Micros, &[u8])> {
        let (pending, offset) = self.encoder.pending();
        self.shown = self.shown.max(offset);
        let from = usize::try_from(self.shown - offset).ok()?;
        let unseen = pending.get(from..).filter(|bytes| !bytes.is_empty())?;
        Some((self.shown, self.unseen_since, unseen))
    }

    /// Whether anything is pending that was not shown yet.
    pub(super) fn has_unseen(&self) -> bool {
        let (pending, _) = self.encoder.pending();
        !pending.is_empty() && self.end() > self.shown
    }

    /// So many of the unseen bytes were shown.
    pub(super) fn show(&mut self, bytes: usize) {
        self.shown += bytes as u64;
    }

    /// Somebody new watches: what is pending was never shown.
    pub(super) fn show_again(&mut self) {
        self.shown = 0;
    }

    /// Raw offset behind the last byte.
    fn end(&self) -> u64 {
        let (pending, offset) = self.encoder.pending();
        offset + pending.len() as u64
    }

    /// The last lines.
    pub(super) fn tail(&self) -> String {
        self.last.text()
    }

    /// Ends it; if it was too long, its last line says so. `None`: nothing was ever written.
    pub(super) fn finish(&mut self, now: Micros) -> Option<(Vec<Block>, Trailer, Summary)> {
        let mut blocks = Vec::new();
        if self.left_out > 0 {
            let marker = format!(
                "\n[steading] this log is limited to {} bytes: {} more bytes were left out here\n",
                self.limit, self.left_out
            );
            blocks = self.keep(now, marker.as_bytes());
        }
        if self.end() == 0 {
            return None;
        }
        let (last, trailer, summary) = std::mem::take(&mut self.encoder).finish();
        blocks.extend(last);
        Some((blocks, trailer, summary))
    }
}
