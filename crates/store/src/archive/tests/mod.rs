//! Tests of the archive, through its public face.

mod artifacts;
mod logs;
mod model;
mod reading;

use std::path::PathBuf;

use steading_core::words::LogId;
use steading_frames::{Block, Encoder, Summary};
use tempfile::TempDir;

use super::Archive;

/// A data directory with an archive that can be stopped and opened again.
struct Place {
    data: TempDir,
    archive: Archive,
}

impl Place {
    fn new() -> Place {
        let data = tempfile::tempdir().expect("a temporary directory");
        let archive = Archive::open(data.path()).expect("it opens");
        Place { data, archive }
    }

    /// As after a crash: nothing in memory is kept.
    fn restart(&mut self) {
        self.archive = Archive::open(self.data.path()).expect("it opens again");
    }

    fn path(&self, log: LogId) -> PathBuf {
        self.archive.inner.paths.log(log)
    }
}

/// What a worker has of a log: its blocks and how it closes.
struct Worker {
    raw: Vec<u8>,
    blocks: Vec<Block>,
    trailer: Vec<u8>,
    summary: Summary,
}

impl Worker {
    fn with(raw: &[u8]) -> Worker {
        let mut encoder = Encoder::new();
        let mut blocks = encoder.push(7, raw);
        let (last, trailer, summary) = encoder.finish();
        blocks.extend(last);
        Worker { raw: raw.to_vec(), blocks, trailer: trailer.encoded, summary }
    }

    /// Sends every block from where the archive wants to go on, and closes.
    async fn deliver(&self, archive: &Archive, log: LogId) -> Summary {
        let next = archive.next_offset(log).await.expect("it is known");
        for block in self.blocks.iter().filter(|block| block.raw_offset >= next) {
            let encoded = block.encoded.clone();
            archive.append(log, block.raw_offset, encoded).await.expect("it is stored");
        }
        archive.close(log, self.trailer.clone()).await.expect("it closes")
    }
}

/// Some 600 KB of lines: three blocks.
fn text() -> Vec<u8> {
    (0..30_000).flat_map(|i| format!("line {i} of the log\n").into_bytes()).collect()
}
