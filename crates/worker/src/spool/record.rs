//! The spool's format, version 1: a line that names it, then records.
//!
//! ```text
//! file   = "steading spool 1\n" record*
//! record = length of the payload (u32, little endian) · check (8 bytes) · payload
//! check  = the first 8 bytes of the payload's BLAKE3
//! ```
//!
//! The payload is a [`Record`] as MessagePack with named maps. A file that ends in the middle of a
//! record was being written when its writer died: everything before it counts, the rest never was.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use steading_wire::worker::{
    self, Attempt, BuildId, ClaimId, MESSAGE_BYTES_MAX, Next, Primitive, Report, bytes,
};

/// How a file of this version begins.
pub const HEAD: &[u8; 17] = b"steading spool 1\n";
/// Bytes of a record before its payload.
const FRAME_BYTES: usize = 12;

/// One fact about a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Record {
    /// The first one: whose step it is, and what it does.
    Begin(Box<Begin>),
    /// A block of a log.
    Block {
        /// `stdout` or `stderr`.
        log: String,
        /// Offset of its first raw byte.
        raw_offset: u64,
        /// How many raw bytes it holds.
        raw_len: u32,
        /// The block, as `frames` encodes it.
        #[serde(with = "bytes")]
        encoded: Vec<u8>,
    },
    /// A log is whole.
    Close {
        /// `stdout` or `stderr`.
        log: String,
        /// The closing table, as `frames` encodes it.
        #[serde(with = "bytes")]
        trailer: Vec<u8>,
        /// Raw bytes in all.
        bytes: u64,
        /// Lines in all.
        lines: u64,
        /// BLAKE3 of the raw bytes, in hex.
        hash: String,
    },
    /// The last one: the step ended. It is on disk before anybody is told.
    End {
        /// How.
        report: Box<Report>,
    },
}

/// Whose step a file is: enough to hold the attempt again after everything else is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The attempt.
    pub attempt: Attempt,
    /// The offer that was accepted.
    pub claim: ClaimId,
    /// The builder.
    pub builder: String,
    /// The slot it runs on, from 1.
    pub slot: i64,
    /// The kernel's boot identifier: what ran under another one is dead, and its workspace may
    /// lack what was written last.
    pub boot: String,
    /// What begins; absent for the acceptance itself.
    pub step: Option<StepBegin>,
}

impl Begin {
    /// The step's number in the plan; 0 for the acceptance.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.step.as_ref().map_or(0, |step| step.number)
    }
}

/// A step that begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepBegin {
    /// The build, for people.
    pub build: BuildId,
    /// Its number in the plan, from 1.
    pub number: i64,
    /// What to do.
    pub primitive: Primitive,
    /// What follows when it goes well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Next>,
    /// The master had not asked for it when it began.
    #[serde(default)]
    pub ahead: bool,
}

/// Why a file is none that can be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Of another version, or something else.
    #[error("it is no spool file of version 1; it was left by another Steading")]
    Version,
    /// It ends before its first record does.
    #[error(
        "it ends before its first record does: its writer died there, or its machine lost the rest"
    )]
    Cut,
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A record as bytes.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let payload = worker::encode(record);
    let length = u32::try_from(payload.len()).expect("a record is bounded as a message is");
    let mut bytes = Vec::with_capacity(FRAME_BYTES + payload.len());
    bytes.extend(length.to_le_bytes());
    bytes.extend(check(&payload));
    bytes.extend(payload);
    bytes
}

fn check(payload: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(payload);
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}

/// The whole records of a file, one after the other.
#[derive(Debug)]
pub struct Records<R> {
    source: R,
    /// Offset behind the last whole record.
    end: u64,
}

impl<R: Read> Records<R> {
    /// From the beginning of a file.
    ///
    /// # Errors
    /// When it is no file of this version.
    pub fn open(mut source: R) -> Result<Records<R>, Unreadable> {
        let mut head = Vec::new();
        (&mut source).take(HEAD.len() as u64).read_to_end(&mut head)?;
        if head != HEAD {
            let begun = HEAD.starts_with(&head);
            return Err(if begun { Unreadable::Cut } else { Unreadable::Version });
        }
        Ok(Records { source, end: HEAD.len() as u64 })
    }

    /// From a place that [`Records::end`] told.
    pub fn resume(source: R, end: u64) -> Records<R> {
        Records { source, end }
    }

    /// Offset behind the last whole record.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The next record, where it lies and how long it is; `None` behind the last whole one.
    ///
    /// # Errors
    /// When the disk cannot give it back.
    #[expect(clippy::should_implement_trait, reason = "an iterator would hide the place and error")]
    pub fn next(&mut self) -> io::Result<Option<(u64, u32, Record)>> {
        let mut frame = Vec::new();
        (&mut self.source).take(FRAME_BYTES as u64).read_to_end(&mut frame)?;
        let Some((length, expected)) = frame.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length);
        if expected.len() < FRAME_BYTES - 4 || length as usize > MESSAGE_BYTES_MAX {
            return Ok(None);
        }
        let mut payload = Vec::with_capacity(length as usize);
        (&mut self.source).take(u64::from(length)).read_to_end(&mut payload)?;
        if payload.len() < length as usize || check(&payload) != expected {
            return Ok(None);
        }
        // A record nobody here understands is as good as none: nothing behind it can be trusted.
        let Ok(record) = worker::decode(&payload) else { return Ok(None) };
        let (at, whole) = (self.end, length + FRAME_BYTES as u32);
        self.end += u64::from(whole);
        Ok(Some((at, whole, record)))
    }
}

#[cfg(test)]
mod tests {
    use steading_wire::worker::{Ending, RequestId};

    use super::*;

    fn records() -> Vec<Record> {
        let attempt = Attempt { request: RequestId(7), epoch: 2 };
        let begin = Begin {
            attempt,
            claim: ClaimId(3),
            builder: "hello".into(),
            slot: 1,
            boot: "b".into(),
            step: None,
        };
        let report = Report {
            ending: Ending::Exited { code: 0 },
            exit: None,
            logs: vec!["stdout".into()],
            stderr_tail: String::new(),
        };
        vec![
            Record::Begin(Box::new(begin)),
            Record::Block {
                log: "stdout".into(),
                raw_offset: 0,
                raw_len: 3,
                encoded: vec![0, 255, 1],
            },
            Record::End { report: Box::new(report) },
        ]
    }

    fn file() -> Vec<u8> {
        HEAD.iter().copied().chain(records().iter().flat_map(encode)).collect()
    }

    fn read(bytes: &[u8]) -> (Vec<Record>, u64) {
        let mut records = Records::open(bytes).expect("a file of this version");
        let mut found = Vec::new();
        while let Some((at, length, record)) = records.next().expect("memory can be read") {
            assert_eq!(records.end(), at + u64::from(length));
            found.push(record);
        }
        (found, records.end())
    }

    #[test]
    fn what_is_written_is_read() {
        let file = file();
        assert_eq!(read(&file), (records(), file.len() as u64));
    }

    #[test]
    fn a_file_that_ends_anywhere_keeps_what_was_whole() {
        let file = file();
        let ends: Vec<usize> = records()
            .iter()
            .scan(HEAD.len(), |at, record| {
                *at += encode(record).len();
                Some(*at)
            })
            .collect();
        for cut in HEAD.len()..file.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let end = ends[..whole].last().copied().unwrap_or(HEAD.len());
            assert_eq!(read(&file[..cut]), (records()[..whole].to_vec(), end as u64), "at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_file_there() {
        let mut file = file();
        let last = encode(&records()[2]).len();
        for at in file.len() - last..file.len() {
            file[at] ^= 1;
            assert_eq!(read(&file).0.len(), 2, "at {at}");
            file[at] ^= 1;
        }
    }

    #[test]
    fn another_version_is_not_read() {
        for head in [&b"steading spool 2\n"[..], b"something else"] {
            assert!(matches!(Records::open(head), Err(Unreadable::Version)));
        }
    }

    #[test]
    fn a_file_that_was_hardly_begun_is_called_that() {
        for length in 0..HEAD.len() {
            assert!(matches!(Records::open(&HEAD[..length]), Err(Unreadable::Cut)), "{length}");
        }
    }

    #[test]
    fn golden_bytes_of_version_1() {
        let bytes = encode(&Record::Block {
            log: "stdout".into(),
            raw_offset: 1,
            raw_len: 2,
            encoded: vec![3],
        });
        let text: String = bytes[12..]
            .iter()
            .flat_map(|b| std::ascii::escape_default(*b))
            .map(char::from)
            .collect();
        let expected = r"\x85\xa2is\xa5block\xa3log\xa6stdout\xaaraw_offset\x01\xa7raw_len\x02";
        assert_eq!(text, format!(r"{expected}\xa7encoded\xc4\x01\x03"));
        assert_eq!(bytes[..4], 53_u32.to_le_bytes());
    }
}
