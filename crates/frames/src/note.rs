//! Notes: what a log says about itself, in skippable frames between its data.
//!
//! ```text
//! u32 magic 0x184D2A5B   u32 length of all that follows      (little endian, as zstd wants it)
//! u8  packing: 0 plain, 1 zstd    u32 length of the unpacked body    body
//! u32 check: the first bytes of BLAKE3(unpacked body)
//! u32 length of all that follows the first length            (so that a file is read from its end)
//! 3 bytes "SLB" (record of a block) or "SLT" (trailer)   u8 format version
//! ```

use std::io::{Read, Seek, SeekFrom};

use crate::damage::Damage;
use crate::frame::{Packer, SKIPPABLE_MAGIC, cut_off};

/// The format version written, and the newest one read.
pub(crate) const VERSION: u8 = 1;
/// Bytes of a note's last part: check, length, kind, version.
pub(crate) const FOOTER_BYTES: u64 = 12;
/// Bodies from this size on are compressed.
const PACK_FROM_BYTES: usize = 256;
/// The longest body of a note: a trailer of some 64 GiB of log.
const BODY_MAX_BYTES: usize = 16 << 20;
const MAGIC: u32 = SKIPPABLE_MAGIC + 0xB;
const HEADER_BYTES: u64 = 8;
const ENVELOPE_BYTES: usize = 5 + FOOTER_BYTES as usize;

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The block before it.
    Block,
    /// The whole log, at its end.
    Trailer,
}

impl Kind {
    fn tag(self) -> [u8; 3] {
        match self {
            Kind::Block => *b"SLB",
            Kind::Trailer => *b"SLT",
        }
    }
}

/// The whole skippable frame of a note.
pub(crate) fn encode(kind: Kind, body: &[u8], packer: &mut Packer) -> Vec<u8> {
    let packed = (body.len() >= PACK_FROM_BYTES).then(|| packer.pack(body));
    let stored = packed.as_deref().unwrap_or(body);
    let length = u32::try_from(stored.len() + ENVELOPE_BYTES).expect("bodies are bounded");
    let mut out = Vec::with_capacity(length as usize + HEADER_BYTES as usize);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.push(u8::from(packed.is_some()));
    out.extend_from_slice(&u32::try_from(body.len()).expect("bodies are bounded").to_le_bytes());
    out.extend_from_slice(stored);
    out.extend_from_slice(&check_of(body));
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&kind.tag());
    out.push(VERSION);
    out
}

/// Reads the note of the given kind at `at`; answers its body and the length of the whole frame.
pub(crate) fn read(
    source: &mut (impl Read + Seek),
    at: u64,
    kind: Kind,
    packer: &mut Packer,
) -> Result<(Vec<u8>, u64), Damage> {
    let length = length_at(source, at)?;
    let mut payload = Vec::new();
    source.take(u64::from(length)).read_to_end(&mut payload)?;
    if payload.len() as u64 != u64::from(length) {
        return Err(Damage::malformed(at, "the file ends inside a note"));
    }
    let body = open(&payload, at, kind, packer)?;
    Ok((body, HEADER_BYTES + u64::from(length)))
}

/// The length of the note at `at`, its header excluded; leaves `source` behind the header.
fn length_at(source: &mut (impl Read + Seek), at: u64) -> Result<u32, Damage> {
    source.seek(SeekFrom::Start(at))?;
    let mut header = [0; HEADER_BYTES as usize];
    source.read_exact(&mut header).map_err(|e| cut_off(e, at))?;
    let [a, b, c, d, rest @ ..] = header;
    if u32::from_le_bytes([a, b, c, d]) != MAGIC {
        return Err(Damage::malformed(at, "no note here"));
    }
    let length = u32::from_le_bytes(rest);
    if length as usize > BODY_MAX_BYTES || (length as usize) < ENVELOPE_BYTES {
        return Err(Damage::malformed(at, "a note of impossible length"));
    }
    Ok(length)
}

/// Checks a note's payload and unpacks its body.
fn open(payload: &[u8], at: u64, kind: Kind, packer: &mut Packer) -> Result<Vec<u8>, Damage> {
    let fault = |what| Damage::malformed(at, what);
    let (front, footer) = payload
        .split_last_chunk::<{ FOOTER_BYTES as usize }>()
        .ok_or_else(|| fault("a note too short"))?;
    let [check @ .., n0, n1, n2, n3, k0, k1, k2, version] = *footer;
    let (&[packing, l0, l1, l2, l3], stored) =
        front.split_first_chunk::<5>().ok_or_else(|| fault("a note too short"))?;
    if [k0, k1, k2] != kind.tag() {
        return Err(fault("a note of another kind"));
    }
    if u32::from_le_bytes([n0, n1, n2, n3]) as usize != payload.len() {
        return Err(fault("a note with two lengths"));
    }
    if version != VERSION {
        return Err(Damage::Version { at, found: version });
    }
    let body_len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let body = match packing {
        0 if stored.len() == body_len => stored.to_vec(),
        1 if body_len <= BODY_MAX_BYTES => packer
            .unpack(stored, body_len)
            .ok_or_else(|| fault("a note that cannot be unpacked"))?,
        _ => return Err(fault("a note of unknown packing")),
    };
    if check_of(&body) != check {
        return Err(fault("a note whose check does not fit"));
    }
    Ok(body)
}

/// Where the trailer begins, if the file of `length` bytes ends with one.
pub(crate) fn trailer_start(
    source: &mut (impl Read + Seek),
    length: u64,
) -> Result<Option<u64>, Damage> {
    let Some(at) = length.checked_sub(FOOTER_BYTES) else { return Ok(None) };
    source.seek(SeekFrom::Start(at))?;
    let mut footer = [0; FOOTER_BYTES as usize];
    source.read_exact(&mut footer).map_err(|e| cut_off(e, at))?;
    let [_, _, _, _, l0, l1, l2, l3, k0, k1, k2, _] = footer;
    if [k0, k1, k2] != Kind::Trailer.tag() {
        return Ok(None);
    }
    let payload = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    let start = length.checked_sub(payload + HEADER_BYTES);
    start.map(Some).ok_or_else(|| Damage::malformed(at, "a trailer longer than its file"))
}

/// The first bytes of a hash: tells stored bytes from damaged ones.
pub(crate) fn check_of(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = *blake3::hash(bytes).as_bytes();
    [a, b, c, d]
}
