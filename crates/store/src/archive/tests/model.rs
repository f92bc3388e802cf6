//! Whatever a worker, its links and restarts do: what is read is what was printed (I10).

use proptest::collection::vec;
use proptest::prelude::*;
use steading_core::words::{LogId, Micros};

use super::super::Error;
use super::{Place, Worker, text};

const LOG: LogId = LogId(9);

/// One thing that happens to a log.
#[derive(Debug, Clone)]
enum Act {
    /// Block number so and so arrives.
    Send(usize),
    /// A piece of the tail arrives.
    Tail(u64, u64),
    /// The master dies and comes back, maybe with a torn write.
    Restart(Vec<u8>),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..5usize).prop_map(Act::Send),
        3 => (0..1_200_000u64, 0..70_000u64).prop_map(|(at, len)| Act::Tail(at, len)),
        1 => vec(any::<u8>(), 0..50).prop_map(Act::Restart),
    ];
    vec(act, 1..20)
}

async fn perform(place: &mut Place, worker: &Worker, act: Act, stored: &mut u64) {
    match act {
        Act::Send(index) => {
            let Some(block) = worker.blocks.get(index) else { return };
            let (from, end) = (block.raw_offset, block.raw_offset + u64::from(block.raw_len));
            match place.archive.append(LOG, from, block.encoded.clone()).await {
                Ok(appended) => {
                    assert!(from <= *stored);
                    *stored = end.max(*stored);
                    assert_eq!(appended.next, *stored);
                }
                Err(Error::OutOfPlace { expected, .. }) => {
                    assert_eq!(expected, *stored);
                    assert!(from > *stored);
                }
                Err(error) => panic!("{error}"),
            }
        }
        Act::Tail(at, len) => {
            let end = worker.raw.len() as u64;
            let (from, to) = (at.min(end), (at + len).min(end));
            place.archive.tail(LOG, from, Micros(1), &worker.raw[from as usize..to as usize]);
        }
        Act::Restart(torn) => {
            if *stored > 0 {
                let path = place.path(LOG);
                let file = fs_err::read(&path).expect("there");
                fs_err::write(&path, [file, torn].concat()).expect("written");
            }
            place.restart();
            assert_eq!(place.archive.next_offset(LOG).await.expect("repaired"), *stored);
        }
    }
}

fn check_reading(place: &Place, worker: &Worker, stored: u64) {
    let (visible, _) = place.archive.log_size(LOG).expect("read");
    assert!(visible >= stored);
    let from = visible.saturating_sub(400_000);
    let read = place.archive.log_bytes(LOG, from..u64::MAX).expect("read");
    assert!(read == worker.raw[from as usize..visible as usize]);
    let last = place.archive.tail_lines(LOG, 1).expect("read");
    assert_eq!(last.is_empty(), visible == 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_read_is_what_was_printed(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut place = Place::new();
            let worker = Worker::with(&text().repeat(2));
            let mut stored = 0;
            for act in acts {
                perform(&mut place, &worker, act, &mut stored).await;
                check_reading(&place, &worker, stored);
            }
            assert_eq!(worker.deliver(&place.archive, LOG).await, worker.summary);
            assert_eq!(place.archive.verify_log(LOG).expect("sound").summary, worker.summary);
        });
    }
}
