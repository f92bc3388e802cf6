//! One local worker: adopted or started, and started again when it crashed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use steading_master::Master;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::living::Living;
use super::spawn::spawn;

/// The first wait before a crashed worker is started again, and the longest.
const BACK_OFF: Duration = Duration::from_millis(500);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// A worker that lived this long did not crash at its start.
const LIVED: Duration = Duration::from_secs(60);

/// Keeps a worker alive until told to hold; then gives it up as it is.
pub(super) async fn supervise(
    master: Arc<Master>,
    data: PathBuf,
    name: String,
    hold: CancellationToken,
) -> Option<Living> {
    let mut wait = BACK_OFF;
    loop {
        let began = Instant::now();
        match begin(&master, &data, &name).await {
            Ok(mut living) => {
                let ended = tokio::select! {
                    ended = living.ended() => ended,
                    () = hold.cancelled() => return Some(living),
                };
                let log = data.join("workers").join(&name).join("worker.log");
                tracing::warn!("worker {name} ended ({ended}); see {}", log.display());
            }
            Err(error) => tracing::warn!("worker {name} cannot be started: {error}"),
        }
        if began.elapsed() > LIVED {
            wait = BACK_OFF;
        }
        tokio::select! {
            () = sleep(wait) => wait = (wait * 2).min(BACK_OFF_MAX),
            () = hold.cancelled() => return None,
        }
    }
}

/// The one that lives, or a new one. A new token ends the old one's: only for a new process.
async fn begin(master: &Master, data: &std::path::Path, name: &str) -> std::io::Result<Living> {
    if let Some(living) = Living::find(&data.join("workers").join(name))? {
        tracing::info!("worker {name} lives already and is adopted");
        return Ok(living);
    }
    let token = master.worker_token(name).await.map_err(std::io::Error::other)?;
    let child = spawn(data, name, &token).await?;
    tracing::info!("worker {name} started");
    Ok(Living::Child(child))
}
