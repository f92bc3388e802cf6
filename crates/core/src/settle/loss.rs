//! What becomes of a request whose attempt ended without a verdict.

use crate::words::Reason;

/// Attempts at one request before the farm gives up on it.
pub const ATTEMPTS_MAX: i64 = 5;

/// What to do after a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterLoss {
    /// The request returns to the queue.
    Retry,
    /// The request completes with outcome `exception` and this reason.
    Complete(Reason),
}

/// Whether the attempt with that epoch (from 1) was the last that `budget` allows.
#[must_use]
pub fn after_loss(epoch: i64, budget: i64, cause: &Reason) -> AfterLoss {
    if epoch < budget {
        return AfterLoss::Retry;
    }
    let text = format!("no attempt of {epoch} came to an end; the last: {cause}");
    AfterLoss::Complete(Reason::new("retries_exhausted", text))
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
}
