//! What the tests share: pieces of output, the file they make, and a simple model of its lines.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Cursor;

use steading_frames::{Encoder, Reader, Summary};

/// Output as it came: time and bytes.
pub(crate) type Piece = (i64, Vec<u8>);

/// A log as a naive program would see it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) raw: Vec<u8>,
    /// Time and bytes without the `\n`.
    pub(crate) lines: Vec<(i64, Vec<u8>)>,
}

pub(crate) fn model(pieces: &[Piece]) -> Model {
    let mut raw = Vec::new();
    let mut lines: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut ended = true;
    for (at, bytes) in pieces {
        for byte in bytes {
            if ended {
                lines.push((*at, Vec::new()));
            }
            ended = *byte == b'\n';
            if !ended {
                lines.last_mut().expect("a line is open").1.push(*byte);
            }
        }
        raw.extend(bytes);
    }
    Model { raw, lines }
}

/// The file of a log; closed on wish.
pub(crate) fn file(pieces: &[Piece], closed: bool) -> (Vec<u8>, Summary) {
    let mut encoder = Encoder::new();
    let mut file = Vec::new();
    for (at, bytes) in pieces {
        for block in encoder.push(*at, bytes) {
            file.extend(block.encoded);
        }
    }
    let (last, trailer, summary) = encoder.finish();
    file.extend(last.into_iter().flat_map(|block| block.encoded));
    if closed {
        file.extend(trailer.encoded);
    }
    (file, summary)
}

pub(crate) fn reader(file: &[u8]) -> Reader<Cursor<&[u8]>> {
    Reader::open(Cursor::new(file)).expect("a sound log opens")
}
