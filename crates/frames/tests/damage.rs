//! Damaged input gets a typed error or is told as such; it never panics and never reads as sound.

mod common;

use std::io::Cursor;

use common::{Piece, file};
use proptest::collection::vec;
use proptest::prelude::*;
use steading_frames::{Damage, Ledger, Order, Packer, Reader, Search, Stored, Trailer};

fn sample() -> Vec<Piece> {
    let mut noise = 7u32;
    let lump: Vec<u8> = (0..300_000)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .collect();
    vec![(10, b"one\ntwo\n".to_vec()), (20, lump), (30, b"three\n".repeat(2000))]
}

/// Does everything a reader can do; the answers do not matter, only that there are some.
fn exercise(bytes: &[u8]) -> Result<(), Damage> {
    let mut reader = Reader::open(Cursor::new(bytes))?;
    let search = |order| Search { order, from: None, limit: 5, scan_max_bytes: 1 << 20 };
    let _ = reader.bytes(0..1 << 20);
    let _ = reader.bytes(u64::MAX - 5..u64::MAX);
    let _ = reader.lines(0, 100);
    let _ = reader.lines(reader.line_count(), usize::MAX);
    let _ = reader.lines(u64::MAX, 1);
    let _ = reader.grep(search(Order::OldestFirst), |line| line.len() == 3);
    let _ = reader.grep(search(Order::NewestFirst), |line| line.len() == 3);
    let (ledger, _) = reader.audit();
    ledger.check(&ledger.trailer()).expect("a ledger fits its own trailer");
    reader.verify().map(|_| ())
}

fn exercise_parts(bytes: &[u8]) {
    let mut ledger = Ledger::new();
    if let Ok(block) = Stored::decode(bytes, &mut Packer::new()) {
        let _ = ledger.add(&block);
    }
    let _ = ledger.check(&Trailer { encoded: bytes.to_vec() });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_are_no_log(bytes in vec(any::<u8>(), 1..2000)) {
        prop_assert!(exercise(&bytes).is_err());
        exercise_parts(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_flipped_bit_is_found(position: prop::sample::Index, bit in 0..8u8, closed: bool) {
        let (mut file, _) = file(&sample(), closed);
        let at = position.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(exercise(&file).is_err(), "bit {} of byte {} of {}", bit, at, file.len());
        exercise_parts(&file);
    }

    #[test]
    fn a_truncated_log_keeps_its_whole_blocks(position: prop::sample::Index, closed: bool) {
        let (file, _) = file(&sample(), closed);
        let (whole, _) = common::file(&sample(), false);
        let cut = position.index(file.len());
        let mut reader = Reader::open(Cursor::new(&file[..cut])).expect("an open log");
        let kept = reader.table().file_len();
        prop_assert!(kept as usize <= cut);
        prop_assert_eq!(reader.torn().is_some(), (kept as usize) < cut);
        prop_assert_eq!(reader.audit().1.is_none(), true);
        prop_assert_eq!(reader.verify().is_err(), (kept as usize) < cut);
        prop_assert!(whole.starts_with(&file[..kept as usize]));
    }

    #[test]
    fn bytes_put_in_or_taken_out_are_found(
        position: prop::sample::Index,
        put in vec(any::<u8>(), 0..20),
        gone in 0..20usize,
    ) {
        let (sound, _) = file(&sample(), true);
        let at = position.index(sound.len() - gone);
        let mut file = sound.clone();
        file.splice(at..at + gone, put);
        prop_assert!(file == sound || exercise(&file).is_err());
    }
}

/// Small logs, every byte: each value that differs in one bit, and each length.
#[test]
fn a_small_log_is_searched_for_blind_spots() {
    let pieces = vec![(5, b"a\n".to_vec()), (6, b"\nbc".to_vec())];
    for closed in [false, true] {
        let (sound, _) = file(&pieces, closed);
        exercise(&sound).expect("sound");
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut file = sound.clone();
                file[at] ^= 1 << bit;
                assert!(exercise(&file).is_err(), "bit {bit} of byte {at}, closed {closed}");
                exercise_parts(&file);
                exercise_parts(&file[at..]);
            }
            let _ = exercise(&sound[..at]);
            exercise_parts(&sound[..at]);
        }
    }
}

#[test]
fn a_block_must_follow_and_tell_the_truth() {
    let blocks = |text: &[u8]| {
        let mut encoder = steading_frames::Encoder::new();
        let mut blocks = encoder.push(0, text);
        blocks.extend(encoder.finish().0);
        let decode = |b: &steading_frames::Block| {
            Stored::decode(&b.encoded, &mut Packer::new()).expect("sound")
        };
        blocks.iter().map(decode).collect::<Vec<_>>()
    };
    let log = blocks(&b"x".repeat(600_000));
    let other = blocks(&b"y\n".repeat(300_000));
    let mut ledger = Ledger::new();
    let skipped = ledger.add(&log[1]);
    assert!(matches!(skipped, Err(Damage::OutOfPlace { expected: 0, found: 262_144 })));
    ledger.add(&log[0]).expect("it follows");
    assert!(matches!(ledger.add(&log[0]), Err(Damage::OutOfPlace { found: 0, .. })));
    // The other log was cut at its lines, so its second block stands elsewhere.
    assert!(ledger.add(&other[1]).is_err());
    let mut elsewhere = Ledger::new();
    elsewhere.add(&blocks(&[&b"\n"[..], &b"x".repeat(300_000)].concat())[0]).expect("it follows");
    assert!(matches!(elsewhere.add(&log[1]), Err(Damage::Block { offset: 262_144, .. })));
}

#[test]
fn a_trailer_of_another_log_names_what_differs() {
    let ledger_of = |text: &[u8]| {
        let (file, _) = file(&[(0, text.to_vec())], false);
        Reader::open(Cursor::new(file)).expect("sound").audit().0
    };
    let check = |stored: &[u8], closed: &[u8], expected: &str| {
        let error = ledger_of(stored).check(&ledger_of(closed).trailer()).expect_err("differs");
        assert!(matches!(error, Damage::Mismatch { what, .. } if what == expected), "{error}");
    };
    check(b"one\n", b"one\ntwo\n", "bytes");
    check(b"one\n", b"o\ne\n", "lines");
    check(b"one\n", b"two\n", "hash");
}

#[test]
fn a_newer_version_is_named() {
    let (mut file, _) = file(&[(0, b"x\n".to_vec())], true);
    *file.last_mut().expect("a trailer") = 2;
    let error = Reader::open(Cursor::new(file)).err().expect("refused");
    assert!(matches!(error, Damage::Version { found: 2, .. }), "{error}");
}
