//! The worst of several outcomes.

use crate::words::Outcome;

/// The stronger of two: cancelled, retry, exception, failure, warnings, success, skipped.
#[must_use]
pub fn worst(a: Outcome, b: Outcome) -> Outcome {
    if strength(a) >= strength(b) { a } else { b }
}

fn strength(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Cancelled => 6,
        Outcome::Retry => 5,
        Outcome::Exception => 4,
        Outcome::Failure => 3,
        Outcome::Warnings => 2,
        Outcome::Success => 1,
        Outcome::Skipped => 0,
    }
}

/// The worst outcome of a buildset's requests; success when it has none.
#[must_use]
pub fn buildset_outcome(requests: impl IntoIterator<Item = Outcome>) -> Outcome {
    requests.into_iter().reduce(worst).unwrap_or(Outcome::Success)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Cancelled, Exception, Failure, Retry, Skipped, Success, Warnings};

    #[test]
    fn worst_is_associative_commutative_and_idempotent() {
        for a in Outcome::ALL {
            assert_eq!(worst(a, a), a);
            assert_eq!(worst(a, Skipped), a, "skipped changes nothing");
            assert_eq!(worst(a, Cancelled), Cancelled, "cancelled absorbs");
            for b in Outcome::ALL {
                assert_eq!(worst(a, b), worst(b, a));
                assert!([a, b].contains(&worst(a, b)));
                for c in Outcome::ALL {
                    assert_eq!(worst(worst(a, b), c), worst(a, worst(b, c)));
                }
            }
        }
    }

    #[test]
    fn the_order_is_the_declared_one() {
        let order = [Cancelled, Retry, Exception, Failure, Warnings, Success, Skipped];
        for pair in order.windows(2) {
            assert_eq!(worst(pair[0], pair[1]), pair[0]);
        }
    }

    #[test]
    fn a_buildset_is_as_bad_as_its_worst_request() {
        let check = |requests: &[Outcome], expected| {
            assert_eq!(buildset_outcome(requests.iter().copied()), expected, "{requests:?}");
        };
        check(&[], Success);
        check(&[Skipped], Skipped);
        check(&[Success, Skipped, Warnings], Warnings);
        check(&[Failure, Exception, Success], Exception);
        check(&[Cancelled, Failure], Cancelled);
    }
}
