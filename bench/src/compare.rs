//! The matcher against brute force, on as many random worlds as it takes.

use crate::churn::{Farm, Tally, compare};

/// Compares that many decisions, or stops at the first that differs.
pub(crate) fn run(decisions: u64, seed: u64) -> bool {
    let (mut sum, mut worlds) = (Tally::default(), 0);
    while sum.decisions < decisions {
        let seed = seed + worlds;
        worlds += 1;
        match compare(&mut Farm::new(seed), seed) {
            Ok(tally) => {
                sum.decisions += tally.decisions;
                sum.matches += tally.matches;
                sum.idle += tally.idle;
            }
            Err(mismatch) => {
                println!("{} decisions were equal, then one differed:\n{mismatch}", sum.decisions);
                return false;
            }
        }
    }
    println!(
        "decisions compared {}, in {worlds} worlds: {} matches, {} times nothing could start; \
         mismatches 0",
        sum.decisions, sum.matches, sum.idle
    );
    true
}
