//! When both halves of telling look again: when history has moved, when something is due, and by a
//! timer behind both.

use std::time::Duration;

use steading_core::words::Seq;
use steading_store::{Error, Follow, Store};
use tokio_util::sync::CancellationToken;

/// The timer behind the notification, and the least time between two looks.
const SAFETY: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The pause after a look that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The rounds of one of them, for as long as the master runs.
pub(super) struct Rounds {
    seq: Follow<Seq>,
    shutdown: CancellationToken,
    /// What is looked at, for the log.
    what: &'static str,
}

impl Rounds {
    /// Before the first look.
    pub(super) fn new(store: &Store, shutdown: CancellationToken, what: &'static str) -> Rounds {
        let mut seq = store.seq();
        seq.mark_unchanged();
        Rounds { seq, shutdown, what }
    }

    /// Waits until it is time for the next look, after one that said how long until something is
    /// due: none when only history can make it so. False when the master stops.
    pub(super) async fn wait(&mut self, looked: Result<Option<Duration>, Error>) -> bool {
        let wait = match looked {
            Ok(wait) => wait.unwrap_or(SAFETY).min(SAFETY),
            Err(error) => {
                tracing::error!("cannot look at {}: {error}", self.what);
                PAUSE
            }
        };
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return false,
            () = tokio::time::sleep(wait) => {}
            changed = self.seq.changed() => if changed.is_err() { return false },
        }
        tokio::time::sleep(LOOK_EVERY).await;
        // What comes from here on is seen by the look, or is news.
        self.seq.mark_unchanged();
        true
    }
}
