//! What a service manager (systemd) is told: that we listen, that we are well, that we stop. Where
//! there is none, nothing is said to nobody.

use std::time::Duration;

use sd_notify::NotifyState;
use steading_store::Store;
use tokio::task::JoinHandle;

/// Says we are well for as long as it lives.
pub(super) struct Manager {
    beat: Option<JoinHandle<()>>,
}

impl Manager {
    /// Says that we listen, and from now on that we are well: if we are.
    pub(super) fn ready(store: Store) -> Manager {
        say(NotifyState::Ready);
        let limit = sd_notify::watchdog_enabled();
        Manager { beat: limit.map(|limit| tokio::spawn(beat(store, limit / 2))) }
    }

    /// Says that we stop; the watchdog sleeps from now on.
    pub(super) fn stopping(self) {
        say(NotifyState::Stopping);
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(beat) = &self.beat {
            beat.abort();
        }
    }
}

/// A sign of life each time history could be read and its writer answered: a master that cannot do
/// either is restarted.
async fn beat(store: Store, every: Duration) {
    loop {
        let well = async {
            store.read(|r| r.newest_seq()).await?;
            store.write("watchdog", |_| Ok(())).await
        };
        match tokio::time::timeout(every, well).await {
            Ok(Ok(())) => say(NotifyState::Watchdog),
            Ok(Err(error)) => tracing::error!("no sign of life: {error}"),
            Err(_) => tracing::error!("no sign of life: history does not answer"),
        }
        tokio::time::sleep(every).await;
    }
}

fn say(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("the service manager cannot be told: {error}");
    }
}
