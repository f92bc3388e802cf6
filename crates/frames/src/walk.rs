//! Opening a log: by its trailer when it has one, else by walking the headers of its frames.

use std::io::{Read, Seek, SeekFrom};

use crate::damage::Damage;
use crate::frame::{Packer, measure};
use crate::note::{self, Kind};
use crate::record;
use crate::table::{Sizes, Table};
use crate::trailer::{Summary, decode_body};

/// What opening a log found.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) table: Table,
    /// Of a closed log.
    pub(crate) summary: Option<Summary>,
    /// Of an open log: bytes behind the last whole block.
    pub(crate) torn: Option<Damage>,
}

/// Finds the blocks of a log.
pub(crate) fn open(source: &mut (impl Read + Seek), packer: &mut Packer) -> Result<Opened, Damage> {
    let length = source.seek(SeekFrom::End(0))?;
    match note::trailer_start(source, length)? {
        Some(at) => open_closed(source, at, length, packer),
        None => walk(source, length, packer),
    }
}

fn open_closed(
    source: &mut (impl Read + Seek),
    at: u64,
    length: u64,
    packer: &mut Packer,
) -> Result<Opened, Damage> {
    let (body, note_len) = note::read(source, at, Kind::Trailer, packer)?;
    let (table, summary) = decode_body(&body)
        .ok_or_else(|| Damage::malformed(at, "a trailer that contradicts itself"))?;
    if at + note_len != length || table.file_len() != at {
        return Err(Damage::malformed(at, "a trailer of a file of another length"));
    }
    Ok(Opened { table, summary: Some(summary), torn: None })
}

fn walk(
    source: &mut (impl Read + Seek),
    length: u64,
    packer: &mut Packer,
) -> Result<Opened, Damage> {
    let mut table = Table::default();
    while table.file_len() < length {
        match step(source, &mut table, packer) {
            Ok(()) => {}
            Err(error @ (Damage::Io(_) | Damage::Version { .. })) => return Err(error),
            Err(_) => {
                let at = table.file_len();
                let torn = Some(Damage::Torn { at, bytes: length - at });
                return Ok(Opened { table, summary: None, torn });
            }
        }
    }
    Ok(Opened { table, summary: None, torn: None })
}

/// Adds the block that follows to the table.
fn step(
    source: &mut (impl Read + Seek),
    table: &mut Table,
    packer: &mut Packer,
) -> Result<(), Damage> {
    let at = table.file_len();
    let frame_len = measure(source, at)?;
    let (body, note_len) = note::read(source, at + frame_len, Kind::Block, packer)?;
    let fault = || Damage::malformed(at, "an index record that does not fit its place");
    let record = record::decode(&body).ok_or_else(fault)?;
    let fits = record.raw_offset == table.raw_len()
        && record.lines_before == table.lines()
        && u64::from(record.frame_len) == frame_len;
    let note_len = u32::try_from(note_len).map_err(|_| fault())?;
    let sizes = Sizes {
        raw_len: record.raw_len,
        frame_len: record.frame_len,
        note_len,
        line_count: record.starts.len() as u32,
    };
    if fits { table.push(sizes).ok_or_else(fault) } else { Err(fault()) }
}
