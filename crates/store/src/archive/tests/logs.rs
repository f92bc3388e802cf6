//! Appending and closing: idempotent, without gaps, durable, verified.

use std::io::Write;

use steading_core::words::LogId;
use steading_frames::Damage;

use super::super::{Appended, Error, Verified};
use super::{Place, Worker, text};

const LOG: LogId = LogId(4711);

#[tokio::test]
async fn blocks_are_taken_in_order_and_once() {
    let place = Place::new();
    let worker = Worker::with(&text());
    let send = async |index: usize| {
        let block = &worker.blocks[index];
        place.archive.append(LOG, block.raw_offset, block.encoded.clone()).await
    };
    let end =
        |index: usize| worker.blocks[index].raw_offset + u64::from(worker.blocks[index].raw_len);

    assert_eq!(place.archive.next_offset(LOG).await.expect("empty"), 0);
    let gap = send(1).await.expect_err("a gap");
    assert!(matches!(gap, Error::OutOfPlace { expected: 0, found: 262_144, .. }), "{gap}");
    assert_eq!(send(0).await.expect("the first"), Appended { next: end(0) });
    assert_eq!(send(0).await.expect("again"), Appended { next: end(0) });
    assert_eq!(send(1).await.expect("the second"), Appended { next: end(1) });
    assert_eq!(send(0).await.expect("long there"), Appended { next: end(1) });
    assert_eq!(place.archive.next_offset(LOG).await.expect("known"), end(1));
    assert!(matches!(
        place.archive.close(LOG, worker.trailer.clone()).await,
        Err(Error::Refused { damage: Damage::Mismatch { what: "bytes", .. }, .. })
    ));
    assert_eq!(send(2).await.expect("the last"), Appended { next: end(2) });
    for _ in 0..2 {
        let closed = place.archive.close(LOG, worker.trailer.clone()).await;
        assert_eq!(closed.expect("it fits"), worker.summary);
    }
    assert_eq!(send(1).await.expect("there though closed"), Appended { next: end(2) });
    let beyond = &Worker::with(&[text(), text()].concat()).blocks[3];
    let beyond = place.archive.append(LOG, beyond.raw_offset, beyond.encoded.clone()).await;
    assert!(matches!(beyond, Err(Error::Closed(LOG))));
    let verified = place.archive.verify_log(LOG).expect("sound");
    assert_eq!(verified, Verified { summary: worker.summary, closed: true });
    assert!(place.archive.known_log(LOG).is_none(), "a closed log takes no memory");
}

#[tokio::test]
async fn what_is_no_block_of_this_log_is_refused() {
    let place = Place::new();
    let worker = Worker::with(&text());
    let check = async |raw_offset: u64, encoded: &[u8]| {
        let answer = place.archive.append(LOG, raw_offset, encoded.to_vec()).await;
        assert!(matches!(answer, Err(Error::Refused { .. })), "{answer:?}");
    };
    let first = &worker.blocks[0].encoded;
    check(0, b"").await;
    check(0, b"noise").await;
    check(0, &first[..first.len() - 1]).await;
    check(0, &[first.as_slice(), b"more"].concat()).await;
    check(0, &worker.blocks[1].encoded).await;
    check(0, &worker.trailer).await;
    assert!(!place.path(LOG).exists(), "nothing was stored");
    let answer = place.archive.close(LOG, b"noise".to_vec()).await;
    assert!(matches!(answer, Err(Error::Refused { .. })), "{answer:?}");
    assert_eq!(worker.deliver(&place.archive, LOG).await, worker.summary);
}

#[tokio::test]
async fn a_trailer_with_another_hash_is_refused_and_the_log_stays_open() {
    let place = Place::new();
    let (worker, other) = (Worker::with(b"one\n"), Worker::with(b"two\n"));
    let block = &worker.blocks[0];
    place.archive.append(LOG, 0, block.encoded.clone()).await.expect("stored");
    let error = place.archive.close(LOG, other.trailer.clone()).await.expect_err("another hash");
    assert!(matches!(error, Error::Refused { damage: Damage::Mismatch { what: "hash", .. }, .. }));
    assert_eq!(worker.deliver(&place.archive, LOG).await, worker.summary);
    assert!(place.archive.close(LOG, other.trailer).await.is_err(), "nor later");
}

#[tokio::test]
async fn a_torn_end_is_cut_off_and_sent_again() {
    let worker = Worker::with(&text());
    let whole = worker.blocks[0].encoded.len() as u64;
    let second = worker.blocks[1].encoded.len() as u64;
    for left in [1, 17, second / 2, second - 1] {
        let mut place = Place::new();
        for block in &worker.blocks[..2] {
            let encoded = block.encoded.clone();
            place.archive.append(LOG, block.raw_offset, encoded).await.expect("stored");
        }
        let file = fs_err::OpenOptions::new().write(true).open(place.path(LOG)).expect("there");
        file.set_len(whole + left).expect("cut");
        place.restart();
        assert_eq!(place.archive.log_size(LOG).expect("readable").0, 262_144);
        assert_eq!(place.archive.next_offset(LOG).await.expect("repaired"), 262_144);
        assert_eq!(file.metadata().expect("there").len(), whole);
        assert_eq!(worker.deliver(&place.archive, LOG).await, worker.summary);
    }
}

#[tokio::test]
async fn noise_behind_the_blocks_and_a_torn_trailer_are_cut_off() {
    let worker = Worker::with(b"a few\nlines\n");
    let half = &worker.trailer[..worker.trailer.len() / 2];
    for noise in [&b"noise"[..], &[0; 5000], half, &worker.blocks[0].encoded] {
        let mut place = Place::new();
        place.archive.append(LOG, 0, worker.blocks[0].encoded.clone()).await.expect("stored");
        let file = fs_err::OpenOptions::new().append(true).open(place.path(LOG));
        file.expect("there").write_all(noise).expect("appended");
        place.restart();
        assert_eq!(place.archive.next_offset(LOG).await.expect("repaired"), 12);
        assert_eq!(worker.deliver(&place.archive, LOG).await, worker.summary);
    }
}

#[tokio::test]
async fn a_log_whose_worker_never_came_back_closes_as_it_is() {
    let mut place = Place::new();
    let worker = Worker::with(&text());
    let block = &worker.blocks[0];
    place.archive.append(LOG, 0, block.encoded.clone()).await.expect("stored");
    let expected = Worker::with(&worker.raw[..block.raw_len as usize]).summary;
    assert_eq!(place.archive.close_as_is(LOG).await.expect("closed"), expected);
    place.restart();
    assert_eq!(place.archive.close_as_is(LOG).await.expect("closed before"), expected);
    let verified = place.archive.verify_log(LOG).expect("sound");
    assert_eq!(verified, Verified { summary: expected, closed: true });

    let empty = LogId(2);
    let expected = Worker::with(b"").summary;
    let watched = place.archive.watch(empty).await.expect("watched");
    for _ in 0..2 {
        assert_eq!(place.archive.close_unwritten(empty).await.expect("closed"), expected);
    }
    assert!(watched.has_changed().is_err(), "those who watch see that nothing more comes");
    assert!(!place.path(empty).exists(), "nothing to store, nothing to make durable");
    assert_eq!(place.archive.log_size(empty).expect("readable"), (0, 0));
    assert!(matches!(place.archive.verify_log(empty), Err(Error::NoLog(id)) if id == empty));
}

#[tokio::test]
async fn a_log_whose_worker_lost_the_end_of_it_is_all_that_was_sent() {
    let mut place = Place::new();
    let worker = Worker::with(&text());
    for block in &worker.blocks[..2] {
        let stored = place.archive.append(LOG, block.raw_offset, block.encoded.clone()).await;
        stored.expect("stored");
    }
    let length = |blocks| worker.blocks[..blocks].iter().map(|b| b.raw_len as usize).sum::<usize>();
    let sent = Worker::with(&worker.raw[..length(2)]).summary;
    let kept = Worker::with(&worker.raw[..length(1)]);
    for _ in 0..2 {
        let closed = place.archive.close(LOG, kept.trailer.clone()).await;
        assert_eq!(closed.expect("closed"), sent);
        place.restart();
    }
    assert_eq!(
        place.archive.verify_log(LOG).expect("sound"),
        Verified { summary: sent, closed: true }
    );
}

#[tokio::test]
async fn what_comes_after_a_log_was_closed_as_it_is_is_refused() {
    let mut place = Place::new();
    let worker = Worker::with(b"too late\n");
    let nothing = Worker::with(b"").summary;
    assert_eq!(place.archive.close_as_is(LOG).await.expect("closed"), nothing);
    for _ in 0..2 {
        let late = place.archive.append(LOG, 0, worker.blocks[0].encoded.clone()).await;
        assert!(matches!(late, Err(Error::Closed(LOG))), "{late:?}");
        let late = place.archive.close(LOG, worker.trailer.clone()).await;
        assert!(matches!(late, Err(Error::Refused { .. })), "{late:?}");
        let verified = place.archive.verify_log(LOG).expect("sound");
        assert_eq!(verified, Verified { summary: nothing.clone(), closed: true });
        place.restart();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_logs_grow_at_once() {
    let place = Place::new();
    let logs = (0..40).map(|id| {
        let archive = place.archive.clone();
        tokio::spawn(async move {
            let worker = Worker::with(&format!("log {id}\n").repeat(70_000).into_bytes());
            let mut pending = Vec::new();
            for block in &worker.blocks {
                let encoded = block.encoded.clone();
                pending.push(archive.write(LogId(id), block.raw_offset, encoded).await?);
            }
            for block in pending {
                block.durable().await?;
            }
            let summary = archive.close(LogId(id), worker.trailer).await?;
            assert_eq!(summary, worker.summary);
            archive.verify_log(LogId(id))
        })
    });
    for log in logs.collect::<Vec<_>>() {
        assert!(log.await.expect("no panic").expect("sound").closed);
    }
}

#[tokio::test]
async fn a_failing_disk_is_named_and_the_log_goes_on_after_it() {
    let place = Place::new();
    let worker = Worker::with(b"bytes\n");
    let shard = place.path(LOG).parent().expect("a shard").parent().expect("a shard").to_owned();
    fs_err::write(&shard, b"in the way").expect("written");
    let error = place.archive.append(LOG, 0, worker.blocks[0].encoded.clone()).await;
    let message = error.expect_err("no directory can be made").to_string();
    assert!(message.contains(&shard.display().to_string()), "{message}");
    fs_err::remove_file(&shard).expect("removed");
    assert_eq!(worker.deliver(&place.archive, LOG).await, worker.summary);
}

#[test]
fn a_full_disk_is_recognised_and_its_path_named() {
    let mut full = fs_err::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let error = Error::from(full.write_all(b"x").expect_err("it is full"));
    assert!(matches!(error, Error::DiskFull(_)), "{error:?}");
    assert!(error.to_string().contains("/dev/full"), "{error}");
}

#[tokio::test]
async fn what_was_not_made_durable_is_not_trusted() {
    let place = Place::new();
    let worker = Worker::with(&text());
    let send = async |index: usize| {
        let block = &worker.blocks[index];
        place.archive.append(LOG, block.raw_offset, block.encoded.clone()).await
    };
    send(0).await.expect("stored");
    let open = place.archive.open_log(LOG);
    let durable = open.live().durable;
    send(1).await.expect("stored");
    // As if the disk had refused to make the second block durable.
    let extent = open.live().durable;
    open.live().durable = durable;
    let generation = open.live().generation;
    assert!(!open.live().settled(generation, extent, false));
    assert!(!open.live().settled(generation, extent, true), "an answer from before the failure");
    assert!(matches!(send(2).await, Err(Error::OutOfPlace { expected: 262_144, .. })));
    assert_eq!(worker.deliver(&place.archive, LOG).await, worker.summary);
}
