//! The matcher against brute force, on as many random worlds as it takes.

use crate::churn::{Dice, Farm, Tally, compare, policy};
use crate::star;
use crate::written::Written;

/// One world of so many is made for backfill.
const LENDING: u64 = 4;

/// Compares that many decisions under policies of the core's seam, and that many more under
/// policies that are `farm.star` text; or stops at the first that differs.
pub(crate) fn run(decisions: u64, through_text: u64, seed: u64) -> bool {
    let plain = worlds("policies of plain functions", policy, (decisions, seed));
    let text = plain.and_then(|plain| {
        let text = worlds("policies that are farm.star text", star::written, (through_text, seed));
        let mut sum = plain;
        sum.add(text?);
        Some(sum)
    });
    match (plain, text) {
        (Some(plain), Some(sum)) => {
            let (all, text) = (sum.decisions, sum.decisions - plain.decisions);
            let steps = format!("{} with steps waiting ({} granted)", sum.with_steps, sum.granted);
            let lent = format!("{} asked to backfill ({} did)", sum.asked_to_lend, sum.backfilled);
            println!(
                "decisions compared {all}, {text} of them through farm.star, {steps}, {lent}; \
                 mismatches 0"
            );
            true
        }
        _ => false,
    }
}

fn worlds(
    what: &str,
    write: fn(&mut Dice) -> Written,
    (decisions, seed): (u64, u64),
) -> Option<Tally> {
    let (mut sum, mut worlds) = (Tally::default(), 0);
    while sum.decisions < decisions {
        let seed = seed + worlds;
        worlds += 1;
        let made = if worlds % LENDING == 0 { Farm::lending } else { Farm::under };
        match compare(&mut made(seed, write), seed) {
            Ok(tally) => sum.add(tally),
            Err(mismatch) => {
                println!("{what}: {} decisions were equal, then one differed:", sum.decisions);
                println!("{mismatch}");
                return None;
            }
        }
    }
    println!(
        "{what}: {} decisions in {worlds} worlds, {} matches, {} times nothing could start; \
         {} decisions with steps waiting, {} granted; {} asked to backfill, {} did",
        sum.decisions,
        sum.matches,
        sum.idle,
        sum.with_steps,
        sum.granted,
        sum.asked_to_lend,
        sum.backfilled
    );
    Some(sum)
}
