//! The bytes of a file: as they are read, and as a power cut would leave them.

use crate::chance::Chance;
use crate::pending::Pending;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// A change that is not safe yet.
#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

/// The bytes, the safe ones, and the changes between the two.
#[derive(Debug, Default)]
pub(crate) struct Content {
    live: Vec<u8>,
    safe: Vec<u8>,
    pending: Pending<Change>,
}

impl Content {
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// At most `length` bytes from `at` on.
    pub(crate) fn read(&self, at: usize, length: usize) -> &[u8] {
        let from = at.min(self.live.len());
        &self.live[from..at.saturating_add(length).min(self.live.len())]
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        write(&mut self.live, at, bytes);
        self.pending.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(crate) fn resize(&mut self, length: usize) {
        self.live.resize(length, 0);
        self.pending.push(Change::Resize(length));
    }

    /// The moment a sync that begins now makes safe.
    pub(crate) fn mark(&self) -> u64 {
        self.pending.mark()
    }

    /// Everything up to that moment is safe.
    pub(crate) fn sync(&mut self, mark: u64) {
        let safe = &mut self.safe;
        self.pending.sync(mark, |change| match change {
            Change::Write { at, bytes } => write(safe, at, &bytes),
            Change::Resize(length) => safe.resize(length, 0),
        });
    }

    /// Nobody can read it any more; what is safe may come back.
    pub(crate) fn forget_live(&mut self) {
        self.live = Vec::new();
        self.pending.forget();
    }

    /// What a power cut leaves of it; answers how many changes it took, wholly or in part.
    pub(crate) fn lose(&mut self, chance: &mut Chance) -> u64 {
        let mut lost = 0;
        let mut left = std::mem::take(&mut self.safe);
        for change in self.pending.take() {
            let mut whole = true;
            match change {
                Change::Write { at, bytes } => {
                    for (at, sector) in sectors(at, &bytes) {
                        match chance.survives() {
                            true => write(&mut left, at, sector),
                            false => whole = false,
                        }
                    }
                }
                Change::Resize(length) => match chance.survives() {
                    true => left.resize(length, 0),
                    false => whole = false,
                },
            }
            lost += u64::from(!whole);
        }
        *self = Content { live: left.clone(), safe: left, ..Content::default() };
        lost
    }
}

fn write(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[at..end].copy_from_slice(bytes);
}

/// A write cut at the borders of sectors.
fn sectors(mut at: usize, mut bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut sectors = Vec::new();
    while !bytes.is_empty() {
        let (sector, rest) = bytes.split_at(bytes.len().min(SECTOR_BYTES - at % SECTOR_BYTES));
        sectors.push((at, sector));
        at += sector.len();
        bytes = rest;
    }
    sectors
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of these writes when those before `synced` were synced.
    fn check(writes: &[(usize, &str)], synced: usize, expected: &str) {
        let mut content = Content::default();
        for (number, (at, bytes)) in writes.iter().enumerate() {
            if number == synced {
                content.sync(content.mark());
            }
            content.write(*at, bytes.as_bytes());
        }
        if synced == writes.len() {
            content.sync(content.mark());
        }
        content.lose(&mut Chance::none());
        assert_eq!(String::from_utf8_lossy(content.read(0, 100)), expected);
    }

    #[test]
    fn what_was_synced_is_left_and_nothing_else() {
        let writes = [(0, "hello"), (5, " world"), (0, "J")];
        check(&writes, 0, "");
        check(&writes, 1, "hello");
        check(&writes, 2, "hello world");
        check(&writes, 3, "Jello world");
    }

    #[test]
    fn a_sync_makes_safe_what_was_there_when_it_began() {
        let mut content = Content::default();
        content.write(0, b"first");
        let mark = content.mark();
        content.resize(0);
        content.sync(mark);
        content.sync(mark);
        assert_eq!(content.lose(&mut Chance::none()), 1);
        assert_eq!(content.read(0, 100), b"first");
    }

    #[test]
    fn chance_tears_writes_at_sectors_and_lets_later_ones_survive_earlier_ones() {
        let left = |seed: u64| {
            let mut content = Content::default();
            content.write(100, &[1; 4000]);
            content.write(4100, &[2; 4000]);
            content.lose(&mut Chance::seeded(seed));
            content.read(0, 10_000).to_vec()
        };
        assert_eq!(left(3), left(3), "the same seed, the same chance");
        let torn = (0..100).any(|seed| {
            let left = left(seed);
            left.len() > 8000 && left[100..4100].contains(&0) && left[100..4100].contains(&1)
        });
        assert!(torn, "holes where a write was, behind them a later one");
        let whole_sectors = (0..100).all(|seed| {
            left(seed).get(512..4096).is_none_or(|inner| {
                inner.chunks(SECTOR_BYTES).all(|sector| sector.iter().all(|b| *b == sector[0]))
            })
        });
        assert!(whole_sectors);
    }
}
