//! The idle clock: when a step last printed anything.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When something was last printed.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<Instant>);

impl Activity {
    /// Now.
    pub(crate) fn new() -> Activity {
        Activity(Mutex::new(Instant::now()))
    }

    /// Something was printed.
    pub(crate) fn touch(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when nothing was printed for `limit`.
    pub(crate) async fn silent_for(&self, limit: Duration) {
        loop {
            let last = self.last();
            sleep_until(last + limit).await;
            if self.last() == last {
                return;
            }
        }
    }
}
