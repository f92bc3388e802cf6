//! One log being written: bytes in, blocks to the spool, the live tail on the way.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use steading_frames::Encoder;
use steading_wire::worker::{LogKey, Micros};
use tokio::sync::watch;
use tokio::time::Instant;

use super::tail::LastLines;
use crate::bulk::{Spool, SpooledLog};
use crate::clock;

/// How often the live tail is sent at most.
const TAIL_EVERY: Duration = Duration::from_millis(100);

/// A log of a step. Nothing of it exists anywhere until its first byte.
pub(crate) struct LogWriter {
    key: LogKey,
    spool: Arc<Spool>,
    log: Option<Arc<SpooledLog>>,
    encoder: Encoder,
    limit: u64,
    kept: u64,
    left_out: u64,
    shown: u64,
    /// When the oldest byte came that nobody was shown yet.
    unseen_since: Micros,
    shown_at: Option<Instant>,
    links: watch::Receiver<u64>,
    last: LastLines,
}

/// A log that was closed.
#[derive(Debug)]
pub(crate) struct Written {
    /// Whether anything was written at all.
    pub(crate) any: bool,
    /// Its last lines.
    pub(crate) tail: String,
}

impl LogWriter {
    /// A log that keeps `limit` raw bytes.
    pub(crate) fn new(spool: &Arc<Spool>, key: LogKey, limit: u64) -> LogWriter {
        LogWriter {
            key,
            spool: Arc::clone(spool),
            log: None,
            encoder: Encoder::new(),
            limit,
            kept: 0,
            left_out: 0,
            shown: 0,
            unseen_since: clock::now(),
            shown_at: None,
            links: spool.links(),
            last: LastLines::default(),
        }
    }

    /// Takes bytes that came just now.
    ///
    /// # Errors
    /// When the spool cannot take a block.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.limit - self.kept).unwrap_or(usize::MAX);
        let (kept, left_out) = bytes.split_at(room.min(bytes.len()));
        self.left_out += left_out.len() as u64;
        self.kept += kept.len() as u64;
        self.last.push(bytes);
        self.keep(kept)
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let log = match &self.log {
            Some(log) => Arc::clone(log),
            None => Arc::clone(self.log.insert(self.spool.create(self.key.clone())?)),
        };
        let now = clock::now();
        if self.shown >= self.end() {
            self.unseen_since = now;
        }
        let blocks = self.encoder.push(now.0, bytes);
        let kept = blocks.iter().try_for_each(|block| log.append(block));
        // What was stored of it stays; the log is never whole again, so nothing more is sent.
        kept.inspect_err(|_| self.spool.forget_log(&self.key))
    }

    /// When the next piece of the live tail may be sent, if there is one.
    pub(crate) fn tail_due(&self) -> Option<Instant> {
        let pending = !self.encoder.pending().0.is_empty();
        let unseen = self.end() > self.shown || self.links.has_changed().unwrap_or(false);
        (pending && unseen).then(|| self.shown_at.map_or_else(Instant::now, |at| at + TAIL_EVERY))
    }

    /// Offers what is pending and was not shown yet to whoever watches.
    pub(crate) fn show_tail(&mut self) {
        if self.links.has_changed().unwrap_or(false) {
            // A master that came back knows nothing of what an earlier one was shown.
            self.links.mark_unchanged();
            self.shown = 0;
        }
        let Some(log) = &self.log else { return };
        let (pending, offset) = self.encoder.pending();
        self.shown = self.shown.max(offset);
        let from = usize::try_from(self.shown - offset).unwrap_or(pending.len());
        let unseen = &pending[from.min(pending.len())..];
        self.shown += log.offer_tail(self.shown, self.unseen_since, unseen) as u64;
        self.shown_at = Some(Instant::now());
    }

    /// Raw offset behind the last byte.
    fn end(&self) -> u64 {
        let (pending, offset) = self.encoder.pending();
        offset + pending.len() as u64
    }

    /// Tells when a new link begins: then what is pending must be shown again.
    pub(crate) fn links(&self) -> watch::Receiver<u64> {
        self.links.clone()
    }

    /// Closes the log; if it was too long, its last line says so.
    ///
    /// # Errors
    /// When the spool cannot take the last block.
    pub(crate) fn finish(mut self) -> io::Result<Written> {
        if self.left_out > 0 {
            let marker = format!(
                "\n[steading] this log is limited to {} bytes: {} more bytes were left out here\n",
                self.limit, self.left_out
            );
            self.keep(marker.as_bytes())?;
        }
        let tail = self.last.text();
        let Some(log) = self.log else { return Ok(Written { any: false, tail }) };
        let (block, trailer, summary) = self.encoder.finish();
        if let Some(block) = block {
            log.append(&block).inspect_err(|_| self.spool.forget_log(&self.key))?;
        }
        log.close(trailer, summary);
        Ok(Written { any: true, tail })
    }
}
