//! What a worker says it holds against what history says it should: the difference is acted upon.

use std::collections::BTreeSet;

use crate::words::Attempt;

/// The difference between both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Live builds the worker holds: they go on.
    pub adopt: Vec<Attempt>,
    /// Attempts the farm no longer wants: a definite "drop it" (I1).
    pub drop: Vec<Attempt>,
    /// Live builds the worker does not hold: they are lost (I2).
    pub lost: Vec<Attempt>,
}

/// Compares. An attempt that is still being offered may be held or not: its answer is on the way.
#[must_use]
pub fn agree(
    held: &BTreeSet<Attempt>,
    live: &BTreeSet<Attempt>,
    offered: &BTreeSet<Attempt>,
) -> Agreement {
    Agreement {
        adopt: held.intersection(live).copied().collect(),
        drop: held.iter().filter(|a| !live.contains(a) && !offered.contains(a)).copied().collect(),
        lost: live.difference(held).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::RequestId;

    fn attempts(pairs: &[(i64, i64)]) -> BTreeSet<Attempt> {
        let attempt = |&(request, epoch)| Attempt { request: RequestId(request), epoch };
        pairs.iter().map(attempt).collect()
    }

    #[test]
    fn a_lower_epoch_is_dropped_and_a_missing_build_is_lost() {
        let held = attempts(&[(1, 1), (2, 1), (4, 1)]);
        let live = attempts(&[(1, 1), (2, 2), (3, 1)]);
        let agreement = agree(&held, &live, &attempts(&[(4, 1)]));
        assert_eq!(agreement.adopt, attempts(&[(1, 1)]).into_iter().collect::<Vec<_>>());
        assert_eq!(agreement.drop, attempts(&[(2, 1)]).into_iter().collect::<Vec<_>>());
        assert_eq!(agreement.lost, attempts(&[(2, 2), (3, 1)]).into_iter().collect::<Vec<_>>());
    }
}
