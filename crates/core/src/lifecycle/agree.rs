//! What a worker says it holds against what history says it should: the difference is acted upon.

use std::collections::BTreeSet;

use crate::words::Attempt;

/// The difference between both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Live builds the worker holds: they go on.
    pub adopt: Vec<Attempt>,
    /// Lost builds the worker came back with: they go on if no retry was accepted.
    pub readopt: Vec<Attempt>,
    /// Attempts the farm no longer wants: a definite "drop it" (I1).
    pub drop: Vec<Attempt>,
    /// Live and lost builds the worker does not hold: they are gone (I2).
    pub gone: Vec<Attempt>,
}

/// Compares. `live` builds run, `lost` ones may be taken back. An attempt that is still being
/// offered may be held or not: its answer is on the way.
#[must_use]
pub fn agree(
    held: &BTreeSet<Attempt>,
    live: &BTreeSet<Attempt>,
    lost: &BTreeSet<Attempt>,
    offered: &BTreeSet<Attempt>,
) -> Agreement {
    let known = |a: &&Attempt| live.contains(a) || lost.contains(a) || offered.contains(a);
    Agreement {
        adopt: held.intersection(live).copied().collect(),
        readopt: held.intersection(lost).copied().collect(),
        drop: held.iter().filter(|a| !known(a)).copied().collect(),
        gone: live.union(lost).filter(|a| !held.contains(a)).copied().collect(),
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
    fn a_lower_epoch_is_dropped_and_a_missing_build_is_gone() {
        let held = attempts(&[(1, 1), (2, 1), (4, 1), (5, 1)]);
        let live = attempts(&[(1, 1), (2, 2), (3, 1)]);
        let lost = attempts(&[(5, 1), (6, 1)]);
        let agreement = agree(&held, &live, &lost, &attempts(&[(4, 1)]));
        let listed = |pairs| attempts(pairs).into_iter().collect::<Vec<_>>();
        assert_eq!(agreement.adopt, listed(&[(1, 1)]));
        assert_eq!(agreement.readopt, listed(&[(5, 1)]));
        assert_eq!(agreement.drop, listed(&[(2, 1)]));
        assert_eq!(agreement.gone, listed(&[(2, 2), (3, 1), (6, 1)]));
    }
}
