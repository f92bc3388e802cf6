//! The bytes of format version 1: logs written today must open for ever.

mod common;

use common::{Piece, file, reader};

fn pieces() -> Vec<Piece> {
    vec![
        (1_700_000_000_000_000, b"hello\n".to_vec()),
        (1_700_000_000_250_000, b"a NUL \0 and a \xff, no end".to_vec()),
    ]
}

/// The data frame, its index record, the trailer (in two lines).
const GOLDEN: &str = "
    28b52ffd241de9000068656c6c6f0a61204e554c200020616e64206120ff2c206e6f20656e64ffd3646b
    5b2a4d18270000000016000000001d2a21f17ce2010200068080f28183898506a0c21e06b067c527000000534c4201
    5b2a4d18380000000027000000011d2a2f021d02bd0f73c91bad09d6c0f5155c70e861368a8435a98b10ea51
    65d1f94f2421cd723fb2fe6038000000534c5401
";

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|b| (b as char).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn a_log_of_version_1_opens() {
    let golden = from_hex(GOLDEN);
    let mut reader = reader(&golden);
    let summary = reader.verify().expect("sound");
    assert_eq!((summary.bytes, summary.lines), (29, 2));
    let lines: Vec<_> =
        reader.lines(1, 9).expect("sound").into_iter().map(|line| (line.at, line.bytes)).collect();
    let expected = [
        (1_700_000_000_000_000, b"hello".to_vec()),
        (1_700_000_000_250_000, b"a NUL \0 and a \xff, no end".to_vec()),
    ];
    assert_eq!(lines, expected);
}

/// Fails when the format changes without a new version. (Should a new zstd compress these few bytes
/// otherwise, the test above is the one that counts.)
#[test]
fn a_log_written_today_is_version_1() {
    let written = file(&pieces(), true).0;
    let hex: String = written.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, GOLDEN.split_whitespace().collect::<String>());
}
