//! A slice of all small worlds; `bench enumerate` looks at larger ones.

use crate::enumerate::{Bound, all};

#[test]
fn every_decision_in_all_small_worlds_is_the_oracles() {
    let check = |requests, workers, events, at_least| {
        let bound = Bound { requests, workers, events };
        let count = all(bound).unwrap_or_else(|mismatch| panic!("{mismatch}"));
        assert!(count.decisions >= at_least, "{bound:?}: only {count:?}");
    };
    check(1, 1, 5, 1_000);
    check(1, 2, 3, 1_000);
    check(2, 1, 3, 1_000);
    check(2, 2, 1, 1_000);
}
