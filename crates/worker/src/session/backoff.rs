//! How long to wait before the next dial: longer each time, capped, and never in step with others.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait: a returned master has everybody back within five seconds, of which the rest is
/// for a thousand builds to be compared.
const LONGEST: Duration = Duration::from_secs(3);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A dial succeeded.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// A dial failed, or its link broke at once: how long to wait now.
    pub(crate) fn next(&mut self) -> Duration {
        let random = getrandom::u32().unwrap_or(u32::MAX / 2);
        let wait = spread(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

/// Half of the doubled wait is certain, the other half is chance.
fn spread(failures: u32, random: u32) -> Duration {
    let full = FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    full / 2 + (full / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_cap() {
        let check = |failures: u32, random: u32, expected_ms: u128| {
            assert_eq!(spread(failures, random).as_millis(), expected_ms);
        };
        check(0, 0, 50);
        check(0, u32::MAX, 100);
        check(1, 0, 100);
        check(4, u32::MAX, 1600);
        check(5, u32::MAX, 3000);
        check(u32::MAX, u32::MAX, 3000);
        check(u32::MAX, 0, 1500);
    }
}
