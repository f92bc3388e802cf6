//! What goes in comes out: bytes, lines, times, searches, compared with a naive model.

mod common;

use std::io::{Cursor, Read, Write};
use std::process::{Command, Stdio};

use common::{Model, Piece, file, model, reader};
use proptest::collection::vec;
use proptest::prelude::*;
use steading_frames::{
    BLOCK_LINES_MAX, BLOCK_MAX_BYTES, Encoder, LINE_SHOWN_MAX_BYTES, Ledger, Order, Packer, Reader,
    Search, Stored,
};

/// Pieces that mix short lines, endings, NUL bytes, invalid UTF-8 and now and then a large lump.
fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let bytes = prop_oneof![
        4 => vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(0), Just(0xff), any::<u8>()], 0..40),
        2 => "[a-z ]{0,80}\n".prop_map(String::into_bytes),
        1 => (any::<u8>(), 1..400_000usize).prop_map(|(byte, n)| vec![byte; n]),
        1 => (1..40_000usize).prop_map(|n| b"ab\n".repeat(n)),
    ];
    vec((-1_000..1_000_000i64, bytes), 0..24)
}

fn check_lines(reader: &mut Reader<Cursor<&[u8]>>, expected: &Model, first: u64, count: usize) {
    let listed = reader.lines(first, count).expect("sound");
    let skipped = first.max(1) as usize - 1;
    for (index, line) in listed.iter().enumerate() {
        let (at, bytes) = &expected.lines[skipped + index];
        let shown = &bytes[..bytes.len().min(LINE_SHOWN_MAX_BYTES as usize)];
        assert_eq!((line.at, line.bytes.as_slice()), (*at, shown));
        assert_eq!(line.number, (skipped + index) as u64 + 1);
        assert_eq!(line.length, bytes.len() as u64);
        assert_eq!(line.is_cut(), shown.len() < bytes.len());
    }
    let possible = expected.lines.len().saturating_sub(skipped).min(count);
    assert!(
        listed.len() == possible || listed.iter().map(|l| l.bytes.len()).sum::<usize>() > 1 << 20
    );
}

fn grep_all(reader: &mut Reader<Cursor<&[u8]>>, order: Order, limit: usize) -> Vec<u64> {
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let search = Search { order, from, limit, scan_max_bytes: 300_000 };
        let part = reader.grep(search, |line| line.contains(&b'a')).expect("sound");
        found.extend(part.lines.iter().map(|line| line.number));
        match part.next {
            Some(next) => from = Some(next),
            None => return found,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_log_reads_as_it_was_written(
        pieces in pieces(),
        closed: bool,
        (from, len) in (0..600_000u64, 0..600_000u64),
        (first, count) in (0..60u64, 0..60usize),
        limit in 1..50usize,
    ) {
        let expected = model(&pieces);
        let (file, summary) = file(&pieces, closed);
        let mut reader = reader(&file);
        prop_assert_eq!(reader.closed(), closed.then_some(&summary));
        prop_assert_eq!(summary.bytes, expected.raw.len() as u64);
        prop_assert_eq!(summary.lines, expected.lines.len() as u64);
        prop_assert_eq!(&summary.hash, &blake3::hash(&expected.raw).to_hex().to_string());
        prop_assert_eq!(reader.verify().expect("sound"), summary);
        prop_assert_eq!(reader.line_count(), expected.lines.len() as u64);

        let end = expected.raw.len().min((from + len) as usize);
        let slice = expected.raw.get(from as usize..end).unwrap_or_default();
        prop_assert_eq!(reader.bytes(from..from + len).expect("sound"), slice);
        check_lines(&mut reader, &expected, first, count);
        check_lines(&mut reader, &expected, (expected.lines.len() as u64).saturating_sub(9), 20);

        let mut hits: Vec<u64> = (1..)
            .zip(&expected.lines)
            .filter(|(_, (_, bytes))| bytes.contains(&b'a'))
            .map(|(number, _)| number)
            .collect();
        prop_assert_eq!(&grep_all(&mut reader, Order::OldestFirst, limit), &hits);
        hits.reverse();
        prop_assert_eq!(&grep_all(&mut reader, Order::NewestFirst, limit), &hits);
    }

    #[test]
    fn cuts_depend_on_the_bytes_alone(pieces in pieces()) {
        let whole = vec![(0, pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect())];
        let retimed: Vec<Piece> = pieces.into_iter().map(|(_, bytes)| (0, bytes)).collect();
        prop_assert_eq!(file(&whole, true), file(&retimed, true));
    }

    #[test]
    fn a_tail_reads_like_a_block(pieces in pieces(), cut in 0..24usize) {
        let (stored, tail) = pieces.split_at(cut.min(pieces.len()));
        let (file, _) = file(stored, false);
        let (ledger, damage) = reader(&file).audit();
        prop_assert!(damage.is_none());
        let mut chunk = ledger.next_chunk();
        for (at, bytes) in tail {
            chunk.push(*at, bytes);
        }
        let expected = model(&pieces);
        let mut reader = reader(&file).with_tail(chunk);
        prop_assert_eq!(reader.raw_len(), expected.raw.len() as u64);
        prop_assert_eq!(reader.line_count(), expected.lines.len() as u64);
        let from = expected.raw.len().saturating_sub(300_000);
        let end = expected.raw.len() as u64;
        prop_assert_eq!(reader.bytes(from as u64..end).expect("sound"), &expected.raw[from..]);
        check_lines(&mut reader, &expected, (expected.lines.len() as u64).saturating_sub(30), 60);
        check_lines(&mut reader, &expected, 1, 60);
    }

    #[test]
    fn an_encoder_goes_on_where_another_stopped(pieces in pieces(), cut in 0..24usize) {
        let mut encoder = Encoder::new();
        let mut resumed = Ledger::new();
        let mut out = Vec::new();
        for (index, (at, bytes)) in pieces.iter().enumerate() {
            if index == cut {
                let (pending, _) = encoder.pending();
                let pending = pending.to_vec();
                encoder = Encoder::resume(resumed.clone());
                prop_assert!(encoder.push(0, &pending).is_empty());
            }
            for block in encoder.push(*at, bytes) {
                let stored = Stored::decode(&block.encoded, &mut Packer::new()).expect("sound");
                prop_assert_eq!(block.raw_offset, stored.raw_offset());
                prop_assert_eq!(block.raw_len, stored.raw_len());
                resumed.add(&stored).expect("it follows");
                out.extend(block.encoded);
            }
        }
        let (last, trailer, summary) = encoder.finish();
        out.extend(last.into_iter().flat_map(|block| block.encoded));
        out.extend(trailer.encoded);
        prop_assert_eq!(reader(&out).verify().expect("sound"), summary.clone());
        prop_assert_eq!(summary, file(&pieces, true).1);
    }
}

/// What the `zstd` command makes of a file; the crate's streaming decoder where there is none.
fn plain_zstd(file: &[u8]) -> Vec<u8> {
    #[expect(clippy::disallowed_methods, reason = "the command people will use is what is tested")]
    let command = Command::new("zstd")
        .args(["-d", "-q", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = command else {
        return zstd::stream::decode_all(file).expect("a sound zstd file");
    };
    let (mut stdin, input) = (child.stdin.take().expect("piped"), file.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let mut out = Vec::new();
    child.stdout.take().expect("piped").read_to_end(&mut out).expect("zstd prints");
    writer.join().expect("no panic").expect("zstd reads");
    assert!(child.wait().expect("zstd ends").success());
    out
}

#[test]
fn plain_zstd_prints_the_log() {
    let check = |pieces: &[Piece]| {
        let expected = model(pieces).raw;
        for closed in [false, true] {
            let (file, _) = file(pieces, closed);
            assert!(closed || !expected.is_empty() || file.is_empty());
            if !file.is_empty() {
                assert!(plain_zstd(&file) == expected);
                assert!(zstd::stream::decode_all(file.as_slice()).expect("sound") == expected);
            }
        }
    };
    check(&[]);
    check(&[(1, b"hello\n".to_vec())]);
    check(&[(1, vec![0; BLOCK_MAX_BYTES]), (2, vec![0xff; 3])]);
    check(&[(1, b"line of text\n".repeat(60_000))]);
}

#[test]
fn blocks_are_cut_at_their_limits() {
    let check = |raw: &[u8], expected: &[usize]| {
        let mut encoder = Encoder::new();
        let mut blocks: Vec<usize> =
            encoder.push(0, raw).iter().map(|block| block.raw_len as usize).collect();
        blocks.extend(encoder.finish().0.map(|block| block.raw_len as usize));
        assert_eq!(blocks, expected);
    };
    check(b"", &[]);
    check(&vec![b'x'; BLOCK_MAX_BYTES], &[BLOCK_MAX_BYTES]);
    check(&vec![b'x'; BLOCK_MAX_BYTES + 1], &[BLOCK_MAX_BYTES, 1]);
    check(&vec![b'\n'; BLOCK_LINES_MAX + 1], &[BLOCK_LINES_MAX, 1]);
}

#[test]
fn a_block_fits_a_message_whatever_it_holds() {
    let mut encoder = Encoder::new();
    let mut state = 1u64;
    let mut noise = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 1) as i64
    };
    let mut largest = 0;
    for _ in 0..BLOCK_LINES_MAX {
        let line = [&noise().to_le_bytes()[1..7], b"\n"].concat();
        for block in encoder.push(noise(), &line) {
            largest = largest.max(block.encoded.len());
        }
    }
    let last = encoder.finish().0.map_or(0, |block| block.encoded.len());
    assert!((1..1 << 20).contains(&largest.max(last)), "{largest} {last}");
}

#[test]
fn a_line_of_100_mb_is_one_line() {
    const LENGTH: usize = 100 << 20;
    let mut pieces: Vec<Piece> = vec![(1, b"before\n".to_vec())];
    pieces.extend((0..LENGTH >> 20).map(|_| (2, vec![b'x'; 1 << 20])));
    pieces.push((3, b"needle\nafter".to_vec()));
    let (file, summary) = file(&pieces, true);
    assert_eq!(summary.lines, 3);
    let mut reader = reader(&file);
    let lines = reader.lines(1, 10).expect("sound");
    let shape = |n: usize| (lines[n].number, lines[n].at, lines[n].length, lines[n].is_cut());
    assert_eq!(shape(0), (1, 1, 6, false));
    assert_eq!(shape(1), (2, 2, LENGTH as u64 + 6, true));
    assert_eq!(lines[1].bytes.len() as u64, LINE_SHOWN_MAX_BYTES);
    assert_eq!(shape(2), (3, 3, 5, false));
    let search = |order| Search { order, from: None, limit: 9, scan_max_bytes: u64::MAX };
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let found = reader.grep(search(order), |piece| piece.ends_with(b"needle")).expect("sound");
        assert_eq!(found.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2]);
    }
}

/// Counts how often a source is read and moved.
struct Counting<R>(R, std::rc::Rc<std::cell::Cell<u32>>);

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1.set(self.1.get() + 1);
        self.0.read(buffer)
    }
}

impl<R: std::io::Seek> std::io::Seek for Counting<R> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.1.set(self.1.get() + 1);
        self.0.seek(to)
    }
}

#[test]
fn a_closed_log_opens_in_a_few_seeks() {
    let (file, _) = file(&[(0, b"some line of a long log\n".repeat(500_000))], true);
    let count = std::rc::Rc::default();
    let source = Counting(Cursor::new(file.as_slice()), std::rc::Rc::clone(&count));
    let mut reader = Reader::open(source).expect("sound");
    assert!(count.get() <= 10, "{count:?} reads and seeks to open 12 MB");
    assert_eq!(reader.lines(400_000, 1).expect("sound")[0].bytes, b"some line of a long log");
    assert!(count.get() <= 20, "{count:?} reads and seeks to reach a line");
}
