//! The matcher under policies that are `farm.star` text, against brute force: the oracle calls the
//! user's functions for every pair, the matcher asks once for what looks alike. The full run is
//! `cargo run --release -p bench -- oracle`.

mod star;

// The oracle and the random worlds are the core's: one file each.
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../core/tests/matcher/churn.rs"]
mod churn;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../core/tests/matcher/in_order.rs"]
mod in_order;
#[path = "../../../core/tests/matcher/lend.rs"]
mod lend;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../core/tests/matcher/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../core/tests/matcher/policy.rs"]
mod policy;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../core/tests/matcher/waits.rs"]
mod waits;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../core/tests/matcher/world.rs"]
mod world;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../../core/tests/matcher/written.rs"]
mod written;

use churn::{Farm, Tally, compare};

/// Worlds per run; each makes some 20 decisions.
const WORLDS: u64 = 80;

#[test]
fn every_decision_is_the_oracles() {
    let mut sum = Tally::default();
    let mut of = |mut farm: Farm, seed: u64| {
        sum.add(compare(&mut farm, seed).unwrap_or_else(|mismatch| panic!("{mismatch}")));
    };
    (0..WORLDS).for_each(|seed| of(Farm::under(seed, star::written), seed));
    (0..WORLDS / 8).for_each(|seed| of(Farm::lending(seed, star::written), seed));
    assert!(sum.decisions >= 1_200, "only {sum:?}");
    assert!(sum.matches >= 400 && sum.idle >= 400, "lopsided worlds: {sum:?}");
    assert!(sum.backfilled >= 10 && sum.asked_to_lend >= 100, "lopsided worlds: {sum:?}");
    assert!(sum.with_steps >= 60 && sum.granted >= 20, "lopsided worlds: {sum:?}");
}
