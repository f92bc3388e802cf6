//! Data frames: compressing, decompressing, and measuring one without decompressing it.

use std::io::{self, Read, Seek, SeekFrom};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use crate::chunk::BLOCK_MAX_BYTES;
use crate::damage::Damage;

/// The compression level: zstd's own default, fast enough for any step's output.
const LEVEL: i32 = 3;
/// The longest data frame: incompressible bytes grow a little.
pub(crate) const FRAME_MAX_BYTES: u64 = BLOCK_MAX_BYTES as u64 + 4096;
/// A skippable frame begins with one of sixteen magics; the low half byte is free.
pub(crate) const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;
const FRAME_MAGIC: u32 = 0xFD2F_B528;
const HEADER_MAX_BYTES: u64 = 18;

/// Compresses and decompresses whole frames, keeping the contexts between them.
pub struct Packer {
    compressor: Option<Compressor<'static>>,
    decompressor: Option<Decompressor<'static>>,
}

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

impl Packer {
    /// Takes memory only when first used.
    #[must_use]
    pub const fn new() -> Packer {
        Packer { compressor: None, decompressor: None }
    }

    /// One frame with a content checksum.
    pub(crate) fn pack(&mut self, raw: &[u8]) -> Vec<u8> {
        let compressor = self.compressor.get_or_insert_with(|| {
            let mut fresh = Compressor::new(LEVEL).expect("level 3 exists");
            fresh.set_parameter(CParameter::ChecksumFlag(true)).expect("zstd has checksums");
            fresh
        });
        compressor.compress(raw).expect("compressing into a buffer of the bound's size succeeds")
    }

    /// The raw bytes of one frame, if it is one of exactly `raw_len` bytes. The output is bounded
    /// by `raw_len` whatever the frame claims.
    pub(crate) fn unpack(&mut self, frame: &[u8], raw_len: usize) -> Option<Vec<u8>> {
        let decompressor = self
            .decompressor
            .get_or_insert_with(|| Decompressor::new().expect("a context without a dictionary"));
        let raw = decompressor.decompress(frame, raw_len).ok()?;
        (raw.len() == raw_len).then_some(raw)
    }
}

/// The length of the data frame at `at`, by its block headers alone.
pub(crate) fn measure(source: &mut (impl Read + Seek), at: u64) -> Result<u64, Damage> {
    source.seek(SeekFrom::Start(at))?;
    let mut header = [0; HEADER_MAX_BYTES as usize];
    let got = read_up_to(source, &mut header)?;
    let (header_len, checksum) =
        header_shape(&header[..got]).ok_or_else(|| Damage::malformed(at, "no data frame here"))?;
    let mut length = header_len;
    loop {
        source.seek(SeekFrom::Start(at + length))?;
        let mut block = [0; 4];
        source.read_exact(&mut block[..3]).map_err(|e| cut_off(e, at))?;
        let block = u32::from_le_bytes(block);
        let size = match (block >> 1) & 3 {
            0 | 2 => u64::from(block >> 3),
            1 => 1,
            _ => return Err(Damage::malformed(at, "a data frame with an unknown block type")),
        };
        length += 3 + size;
        if length > FRAME_MAX_BYTES {
            return Err(Damage::malformed(at, "a data frame longer than any block"));
        }
        if block & 1 == 1 {
            return Ok(length + if checksum { 4 } else { 0 });
        }
    }
}

/// Length of a data frame's header and whether the frame ends with a checksum.
fn header_shape(header: &[u8]) -> Option<(u64, bool)> {
    let (magic, rest) = header.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*magic) != FRAME_MAGIC {
        return None;
    }
    let descriptor = *rest.first()?;
    let single_segment = descriptor & 0x20 != 0;
    let window = u64::from(!single_segment);
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => u64::from(single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    Some((5 + window + dictionary + content_size, descriptor & 4 != 0))
}

/// A file that ends early is a damaged log, not a failing disk.
pub(crate) fn cut_off(error: io::Error, at: u64) -> Damage {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Damage::malformed(at, "the file ends here too early"),
        _ => Damage::Io(error),
    }
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_frame_is_measured_without_decompressing() {
        let check = |raw: Vec<u8>| {
            let mut packed = Packer::new().pack(&raw);
            let expected = packed.len() as u64;
            packed.extend_from_slice(b"something else");
            assert_eq!(measure(&mut Cursor::new(packed), 0).expect("a frame"), expected);
        };
        check(vec![]);
        check(b"hello\n".to_vec());
        check(vec![b'x'; BLOCK_MAX_BYTES]);
        check(
            (0..BLOCK_MAX_BYTES as u32)
                .map(|i| (i.wrapping_mul(0x9E37_79B9) >> 13) as u8)
                .collect(),
        );
    }

    #[test]
    fn a_frame_never_yields_more_than_asked() {
        let packed = Packer::new().pack(&[0; 100_000]);
        assert_eq!(Packer::new().unpack(&packed, 99_999), None);
        assert_eq!(Packer::new().unpack(&packed, 100_001), None);
        assert_eq!(Packer::new().unpack(&packed, 100_000), Some(vec![0; 100_000]));
    }
}
