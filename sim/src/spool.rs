//! A model of a worker's spool: blocks are kept until they are acknowledged, and sent again on
//! every new link. The blocks are real ones.

use std::collections::{BTreeMap, VecDeque};

use steading_frames::{Block, Encoder};
use steading_wire::worker::{Attempt, BulkToMaster, LogKey};

/// The logs of one life of a worker.
#[derive(Default)]
pub(crate) struct Spool {
    logs: BTreeMap<LogKey, Log>,
    /// The last step of an attempt that the master knows, where it is not all.
    allowed: BTreeMap<Attempt, i64>,
}

#[derive(Default)]
struct Log {
    encoder: Option<Encoder>,
    blocks: VecDeque<Block>,
    /// How many of them are sent on this link, and the ends its answers must reach.
    sent: usize,
    awaited: VecDeque<u64>,
    close: Option<BulkToMaster>,
    close_sent: bool,
    unwanted: bool,
}

fn end(block: &Block) -> u64 {
    block.raw_offset + u64::from(block.raw_len)
}

impl Spool {
    /// A process printed this.
    pub(crate) fn print(&mut self, key: &LogKey, at_us: i64, bytes: &[u8]) {
        let log = self.logs.entry(key.clone()).or_default();
        let blocks = log.encoder.get_or_insert_with(Encoder::new).push(at_us, bytes);
        log.blocks.extend(blocks);
    }

    /// It ended.
    pub(crate) fn close(&mut self, key: &LogKey) {
        let Some(log) = self.logs.get_mut(key) else { return };
        let Some(encoder) = log.encoder.take() else { return };
        let (block, trailer, summary) = encoder.finish();
        log.blocks.extend(block);
        log.close = Some(BulkToMaster::Close {
            log: key.clone(),
            trailer: trailer.encoded,
            bytes: summary.bytes,
            lines: summary.lines,
            hash: summary.hash,
        });
        if log.unwanted {
            self.logs.remove(key);
        }
    }

    /// The master knows the steps of an attempt up to this one.
    pub(crate) fn allow(&mut self, attempt: Attempt, number: i64) {
        self.allowed.insert(attempt, number);
    }

    /// A new link knows nothing.
    pub(crate) fn rewind(&mut self) {
        for log in self.logs.values_mut() {
            (log.sent, log.close_sent) = (0, false);
            log.awaited.clear();
        }
    }

    /// What may be sent now, which then counts as sent.
    pub(crate) fn due(&mut self) -> Vec<BulkToMaster> {
        let mut due = Vec::new();
        for (key, log) in self.logs.iter_mut().filter(|(_, log)| !log.unwanted) {
            if self.allowed.get(&key.attempt).is_some_and(|last| key.step > *last) {
                continue;
            }
            for block in log.blocks.iter().skip(log.sent) {
                log.awaited.push_back(end(block));
                let (raw_offset, encoded) = (block.raw_offset, block.encoded.clone());
                due.push(BulkToMaster::Block { log: key.clone(), raw_offset, encoded });
            }
            log.sent = log.blocks.len();
            if let Some(close) = log.close.as_ref().filter(|_| !log.close_sent) {
                log.close_sent = true;
                due.push(close.clone());
            }
        }
        due
    }

    /// Everything below `next` is durable. False when the block asked about is not among it.
    pub(crate) fn stored(&mut self, key: &LogKey, next: u64) -> bool {
        let Some(log) = self.logs.get_mut(key) else { return true };
        while log.blocks.front().is_some_and(|block| end(block) <= next) {
            log.blocks.pop_front();
            log.sent = log.sent.saturating_sub(1);
        }
        log.awaited.pop_front().is_some_and(|end| end <= next)
    }

    /// The master has it whole, or does not want it.
    pub(crate) fn gone(&mut self, key: &LogKey) {
        match self.logs.get_mut(key) {
            Some(log) if log.encoder.is_some() => log.unwanted = true,
            _ => drop(self.logs.remove(key)),
        }
    }

    /// Nothing of the attempt is wanted.
    pub(crate) fn forget(&mut self, attempt: Attempt) {
        self.logs.retain(|key, _| key.attempt != attempt);
        self.allowed.remove(&attempt);
    }

    /// Whether bytes of the attempt are still on their way.
    pub(crate) fn holds(&self, attempt: Attempt) -> bool {
        self.logs.iter().any(|(key, log)| key.attempt == attempt && !log.unwanted)
    }
}
