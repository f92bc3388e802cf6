//! How long requests waited, in three numbers.

use crate::words::Duration;

/// The waits of some requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many there are.
    pub count: usize,
    /// Half of them waited no longer.
    pub p50: Duration,
    /// Nineteen of twenty waited no longer.
    pub p95: Duration,
    /// None waited longer.
    pub max: Duration,
}

impl Waits {
    /// The three numbers of these waits; each is a wait that occurred (nearest rank).
    #[must_use]
    pub fn of(mut waits: Vec<Duration>) -> Waits {
        waits.sort_unstable();
        let rank = |percent: usize| {
            let place = (waits.len() * percent).div_ceil(100).saturating_sub(1);
            waits.get(place).copied().unwrap_or_default()
        };
        Waits { count: waits.len(), p50: rank(50), p95: rank(95), max: rank(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_waits_that_occurred() {
        let check = |waits: &[i64], expected: [i64; 3]| {
            let found = Waits::of(waits.iter().copied().map(Duration).collect());
            assert_eq!([found.p50.0, found.p95.0, found.max.0], expected, "{waits:?}");
        };
        check(&[], [0, 0, 0]);
        check(&[7], [7, 7, 7]);
        check(&[3, 1, 2], [2, 3, 3]);
        check(&[4, 1, 3, 2], [2, 4, 4]);
        let hundred: Vec<i64> = (1..=100).rev().collect();
        check(&hundred, [50, 95, 100]);
    }
}
