//! What becomes of a request whose attempt ended without a verdict.

use crate::words::{Duration, Reason};

/// Attempts at one request before the farm gives up on it.
pub const ATTEMPTS_MAX: i64 = 5;

/// The rest after an offer that came back.
const REST_AFTER_OFFER: Duration = Duration::seconds(1);
/// The rest after the first lost build.
const REST_FIRST: Duration = Duration::seconds(2);
/// How much longer each further rest is.
const REST_GROWTH: i64 = 4;
/// The longest rest.
const REST_LONGEST: Duration = Duration::seconds(60);

/// What to do after a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterLoss {
    /// The request returns to the queue.
    Retry,
    /// The request completes with outcome `exception` and this reason.
    Complete(Reason),
}

/// Whether a request that was begun `builds` times, the last one lost just now, may be tried again
/// under `budget`. Offers that no worker took are no attempts.
#[must_use]
pub fn after_loss(builds: i64, budget: i64, cause: &Reason) -> AfterLoss {
    if builds < budget {
        return AfterLoss::Retry;
    }
    let text = format!("no attempt of {builds} came to an end; the last: {cause}");
    AfterLoss::Complete(Reason::new("retries_exhausted", text))
}

/// How long a request rests before it is offered again: longer after each lost build, so that what
/// went wrong outside (a repository, a network) may end before the budget does; a moment after an
/// offer that came back.
#[must_use]
pub fn rest(lost_builds: i64) -> Duration {
    if lost_builds <= 0 {
        return REST_AFTER_OFFER;
    }
    let growth = u32::try_from(lost_builds - 1).unwrap_or(u32::MAX);
    REST_FIRST.times(REST_GROWTH.saturating_pow(growth)).min(REST_LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_counts_attempts() {
        let cause = Reason::new("worker_lost", "worker `barn` was lost");
        assert_eq!(after_loss(1, 3, &cause), AfterLoss::Retry);
        assert_eq!(after_loss(2, 3, &cause), AfterLoss::Retry);
        let text = "no attempt of 3 came to an end; the last: worker `barn` was lost";
        let end = AfterLoss::Complete(Reason::new("retries_exhausted", text));
        assert_eq!(after_loss(3, 3, &cause), end);
    }

    #[test]
    fn rests_grow_up_to_a_minute() {
        let check = |lost, seconds| assert_eq!(rest(lost), Duration::seconds(seconds), "{lost}");
        check(0, 1);
        check(1, 2);
        check(2, 8);
        check(3, 32);
        check(4, 60);
        check(i64::MAX, 60);
    }
}
