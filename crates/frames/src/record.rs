//! The index record of a block: where its bytes and lines stand in the log, and when lines began.
//!
//! ```text
//! varint raw offset   varint raw length   varint length of the data frame
//! 4 bytes check: the first of BLAKE3(data frame)
//! varint number of the first line to begin here or later, from 1
//! varint count of lines that begin here
//! per line: varint distance of its start from the one before (the first: from the block's start)
//! per line: zigzag varint of its time less the one before, in microseconds (the first: since 1970)
//! ```

use crate::chunk::{BLOCK_LINES_MAX, BLOCK_MAX_BYTES, Chunk};
use crate::note::check_of;
use crate::varint::{Cursor, put, put_signed};

/// What a record says; line starts count from the block's first byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) raw_offset: u64,
    pub(crate) raw_len: u32,
    pub(crate) frame_len: u32,
    /// Of the compressed bytes: the data frame's own checksum is blind to some of its header.
    pub(crate) check: [u8; 4],
    pub(crate) lines_before: u64,
    pub(crate) starts: Vec<u32>,
    pub(crate) times: Vec<i64>,
}

/// The body of the record of `chunk`, whose data frame is `frame`. The first line number is that of
/// the first line to begin here or later, counted from 1.
pub(crate) fn encode(chunk: &Chunk, frame: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + chunk.starts.len() * 3);
    put(&mut out, chunk.raw_offset);
    put(&mut out, chunk.raw.len() as u64);
    put(&mut out, frame.len() as u64);
    out.extend_from_slice(&check_of(frame));
    put(&mut out, chunk.lines_before + 1);
    put(&mut out, chunk.starts.len() as u64);
    let mut last = 0;
    for &start in &chunk.starts {
        put(&mut out, u64::from(start - last));
        last = start;
    }
    let mut last = 0i64;
    for &time in &chunk.times {
        put_signed(&mut out, time.wrapping_sub(last));
        last = time;
    }
    out
}

/// Reads a record's body; `None` if it is none that `encode` could have made.
pub(crate) fn decode(body: &[u8]) -> Option<Record> {
    let mut cursor = Cursor(body);
    let raw_offset = cursor.take()?;
    let raw_len = cursor.take_u32().filter(|n| (1..=BLOCK_MAX_BYTES as u32).contains(n))?;
    let frame_len = cursor.take_u32()?;
    let check = *cursor.bytes::<4>()?;
    let lines_before = cursor.take()?.checked_sub(1)?;
    let count = cursor.take_u32().filter(|n| *n as usize <= BLOCK_LINES_MAX)?;
    raw_offset.checked_add(u64::from(raw_len))?;
    lines_before.checked_add(u64::from(count))?;
    let starts = starts(&mut cursor, count, raw_len)?;
    let times = times(&mut cursor, count)?;
    let record = Record { raw_offset, raw_len, frame_len, check, lines_before, starts, times };
    cursor.is_empty().then_some(record)
}

/// Strictly increasing offsets below `raw_len`.
fn starts(cursor: &mut Cursor<'_>, count: u32, raw_len: u32) -> Option<Vec<u32>> {
    let mut starts = Vec::with_capacity(count as usize);
    let mut last = 0u32;
    for index in 0..count {
        let delta = cursor.take_u32()?;
        last = last.checked_add(delta).filter(|start| *start < raw_len)?;
        if index > 0 && delta == 0 {
            return None;
        }
        starts.push(last);
    }
    Some(starts)
}

fn times(cursor: &mut Cursor<'_>, count: u32) -> Option<Vec<i64>> {
    let mut last = 0i64;
    let step = |_| {
        last = last.wrapping_add(cursor.take_signed()?);
        Some(last)
    };
    (0..count).map(step).collect()
}
