//! The matcher against brute force in all small worlds, one bound after the other.

use crate::enumerate::{Bound, all};
use crate::process::clock;

/// What is looked at when nothing is asked for: (request classes, workers, events).
const BOUNDS: [(usize, usize, usize); 6] =
    [(1, 1, 8), (1, 2, 6), (2, 1, 6), (2, 2, 4), (3, 1, 4), (3, 2, 2)];

/// Looks at all worlds within the bound given, or within each of the usual ones.
pub(crate) fn run(requests: u64, workers: u64, events: u64) -> bool {
    let asked = [requests, workers, events].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let bounds = match asked {
        [0, 0, 0] => BOUNDS.to_vec(),
        [requests, workers, events] => vec![(requests.max(1), workers.max(1), events)],
    };
    let mut decisions = 0;
    for (requests, workers, events) in bounds {
        let start = clock();
        match all(Bound { requests, workers, events }) {
            Ok(count) => {
                decisions += count.decisions;
                println!(
                    "{requests} request classes, {workers} workers, 1 lock, {events} events: \
                     {} worlds, {} sequences, {} decisions, {} matches, {:.1} s",
                    count.worlds,
                    count.sequences,
                    count.decisions,
                    count.matches,
                    start.elapsed().as_secs_f64()
                );
            }
            Err(mismatch) => {
                println!("{mismatch}");
                return false;
            }
        }
    }
    println!("decisions compared {decisions}; mismatches 0");
    true
}
