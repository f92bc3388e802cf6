//! Reading open and closed logs, with the live tail behind what is stored.

use steading_core::words::{LogId, Micros};
use steading_frames::{Order, Search};

use super::super::live::TAIL_MAX_BYTES;
use super::{Place, Worker, text};

const LOG: LogId = LogId(1);

fn shown(lines: &[super::super::Line]) -> Vec<(u64, i64, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    lines.iter().map(|line| (line.number, line.at, text(&line.bytes))).collect()
}

fn line(number: u64, at: i64, text: &str) -> (u64, i64, String) {
    (number, at, text.to_owned())
}

#[tokio::test]
async fn the_live_tail_reads_like_the_rest() {
    let place = Place::new();
    let archive = &place.archive;
    archive.tail(LOG, 0, Micros(1), b"one\ntw");
    archive.tail(LOG, 6, Micros(2), b"o\nthree");
    let all = [line(1, 1, "one"), line(2, 1, "two"), line(3, 2, "three")];
    assert_eq!(shown(&archive.log_lines(LOG, 1, 10).expect("read")), all);
    assert_eq!(shown(&archive.tail_lines(LOG, 2).expect("read")), all[1..]);
    assert_eq!(archive.log_bytes(LOG, 2..9).expect("read"), b"e\ntwo\nt");
    assert_eq!(archive.log_size(LOG).expect("read"), (13, 3));

    let worker = Worker::with(b"one\ntwo\n");
    archive.append(LOG, 0, worker.blocks[0].encoded.clone()).await.expect("stored");
    let all = [line(1, 7, "one"), line(2, 7, "two"), line(3, 2, "three")];
    assert_eq!(shown(&archive.log_lines(LOG, 0, 10).expect("read")), all);
    let search =
        Search { order: Order::NewestFirst, from: None, limit: 1, scan_max_bytes: 1 << 20 };
    let found = archive.grep(LOG, search, |line| line.contains(&b'o')).expect("read");
    assert_eq!((shown(&found.lines), found.next), (vec![line(2, 7, "two")], Some(1)));

    archive.tail(LOG, 0, Micros(9), b"one\nold news");
    assert_eq!(archive.log_bytes(LOG, 0..99).expect("read"), b"one\ntwo\nthree");
    archive.close_as_is(LOG).await.expect("closed");
    assert_eq!(archive.log_bytes(LOG, 0..99).expect("read"), b"one\ntwo\n");
}

#[tokio::test]
async fn a_tail_behind_a_gap_waits_for_its_block() {
    let place = Place::new();
    let worker = Worker::with(b"0123456789");
    place.archive.tail(LOG, 10, Micros(1), b"after");
    assert_eq!(place.archive.log_bytes(LOG, 0..99).expect("read"), b"");
    place.archive.append(LOG, 0, worker.blocks[0].encoded.clone()).await.expect("stored");
    assert_eq!(place.archive.log_bytes(LOG, 0..99).expect("read"), b"0123456789after");
}

#[tokio::test]
async fn a_long_tail_keeps_its_newest_bytes() {
    let place = Place::new();
    let raw = text().repeat(2);
    let worker = Worker::with(&raw);
    for (index, piece) in raw.chunks(10_000).enumerate() {
        place.archive.tail(LOG, index as u64 * 10_000, Micros(1), piece);
    }
    assert_eq!(place.archive.log_size(LOG).expect("read").0, 0, "the first bytes went");
    for block in &worker.blocks[..3] {
        place.archive.append(LOG, block.raw_offset, block.encoded.clone()).await.expect("stored");
    }
    assert!(raw.len() > 3 * 262_144 && raw.len() - 3 * 262_144 < TAIL_MAX_BYTES);
    let from = 3 * 262_144 - 100;
    let read = place.archive.log_bytes(LOG, from..raw.len() as u64).expect("read");
    assert!(read == raw[from as usize..]);
}

#[tokio::test]
async fn the_length_is_watched_until_the_log_is_closed() {
    let mut place = Place::new();
    let worker = Worker::with(b"some bytes");
    let mut watch = place.archive.watch(LOG).await.expect("watched");
    assert_eq!(*watch.borrow_and_update(), 0);
    place.archive.tail(LOG, 0, Micros(1), b"some");
    watch.changed().await.expect("it grew");
    assert_eq!(*watch.borrow_and_update(), 4);
    place.archive.append(LOG, 0, worker.blocks[0].encoded.clone()).await.expect("stored");
    watch.changed().await.expect("it grew");
    assert_eq!(*watch.borrow_and_update(), 10);
    place.restart();
    let mut watch = place.archive.watch(LOG).await.expect("watched");
    assert_eq!(*watch.borrow_and_update(), 10);
    place.archive.close(LOG, worker.trailer).await.expect("closed");
    assert!(watch.changed().await.is_err(), "closed");
    let mut watch = place.archive.watch(LOG).await.expect("watched");
    assert_eq!(*watch.borrow(), 10);
    assert!(watch.changed().await.is_err(), "closed before");
}

#[tokio::test]
async fn a_log_without_bytes_is_empty_and_a_closed_one_reads_the_same() {
    let place = Place::new();
    assert_eq!(place.archive.log_bytes(LOG, 0..9).expect("read"), b"");
    assert_eq!(place.archive.tail_lines(LOG, 9).expect("read"), []);
    assert!(place.archive.known_log(LOG).is_none(), "asking leaves no trace");
    let worker = Worker::with(&text());
    for block in &worker.blocks {
        place.archive.append(LOG, block.raw_offset, block.encoded.clone()).await.expect("stored");
    }
    let open = place.archive.tail_lines(LOG, 500).expect("read");
    place.archive.close(LOG, worker.trailer).await.expect("closed");
    assert_eq!(place.archive.tail_lines(LOG, 500).expect("read"), open);
    assert_eq!(open.last().expect("lines").bytes, b"line 29999 of the log");
}

#[tokio::test]
async fn the_last_lines_are_the_newest_also_where_a_limit_is_reached() {
    let place = Place::new();
    let long = format!("{}\n", "x".repeat(20_000)).repeat(400);
    Worker::with(format!("{long}the end\n").as_bytes()).deliver(&place.archive, LOG).await;
    let lines = place.archive.tail_lines(LOG, 400).expect("read");
    assert!(
        lines.len() < 400 && lines.iter().map(|line| line.bytes.len()).sum::<usize>() < 5 << 20
    );
    assert_eq!(lines.last().map(|line| (line.number, line.length)), Some((401, 7)));
    assert!(lines[0].is_cut() && lines.is_sorted_by_key(|line| line.number));
}

#[tokio::test]
async fn damage_is_named_with_its_file() {
    let place = Place::new();
    let worker = Worker::with(b"some bytes\n");
    worker.deliver(&place.archive, LOG).await;
    let path = place.path(LOG);
    let mut bytes = fs_err::read(&path).expect("there");
    bytes[12] ^= 1;
    fs_err::write(&path, bytes).expect("written");
    let check = |message: String| {
        assert!(message.contains(&path.display().to_string()), "{message}");
    };
    check(place.archive.verify_log(LOG).expect_err("damaged").to_string());
    check(place.archive.log_lines(LOG, 1, 1).expect_err("damaged").to_string());
}
