//! The bulk link: sends what the spool has, takes acknowledgements. Dialled when there is something
//! to carry, and again while control is up; a worker that builds nothing for a while has none.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use steading_wire::worker::{BulkToWorker, HEARTBEAT_MS};
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::{interval, sleep};

use crate::session::{Backoff, Dialer, Lost, SILENCE, Socket, receive, send, send_ping};
use crate::spool::{Due, Spool};

/// Where it is.
const PATH: &str = "/worker/v1/bulk";
/// After so many heartbeats with nothing to carry the link is closed: a minute.
const IDLE_BEATS: u32 = 20;

/// Serves the spool for as long as the worker lives.
pub(crate) async fn serve(
    spool: Arc<Spool>,
    dialer: Dialer,
    mut up: watch::Receiver<bool>,
) -> Infallible {
    let mut backoff = Backoff::default();
    loop {
        spool.has_logs().await;
        if up.wait_for(|up| *up).await.is_err() {
            // The daemon is gone, and this future with it in a moment.
            return std::future::pending().await;
        }
        match dialer.dial(PATH).await {
            Ok(socket) => {
                let mut healthy = false;
                let ended = carry(socket, &spool, &mut healthy).await;
                if healthy {
                    backoff.reset();
                }
                match ended {
                    Ok(()) => continue,
                    Err(lost) => tracing::info!("the bulk link is lost: {lost}"),
                }
            }
            Err(error) => tracing::debug!("no bulk link: {error}"),
        }
        sleep(backoff.next()).await;
    }
}

/// Serves a link until it is lost, or closed as nothing needs it.
async fn carry(socket: Socket, spool: &Spool, healthy: &mut bool) -> Result<(), Lost> {
    let (mut sink, mut stream) = socket.split();
    spool.begin_link();
    let reads = async {
        loop {
            match receive(&mut stream, SILENCE).await? {
                BulkToWorker::Stored { log, next } if spool.stored(&log, next) => *healthy = true,
                // Sent again on a new link, after a while: its disk may be full.
                BulkToWorker::Stored { .. } => return Err(Lost::NotStored),
                BulkToWorker::Closed { log } | BulkToWorker::Unwanted { log } => {
                    spool.forget_log(&log);
                }
            }
        }
    };
    let writes = async {
        let mut ping = interval(Duration::from_millis(HEARTBEAT_MS));
        let (mut after, mut idle) = (None, 0);
        loop {
            tokio::select! {
                (log, due) = spool.next(&mut after) => match due {
                    Due::Message(message) => send(&mut sink, &message).await?,
                    Due::Block(block) => match block_in_place(|| spool.read(log, block)) {
                        Ok(message) => send(&mut sink, &message).await?,
                        Err(error) => tracing::error!("a spooled block is unreadable: {error}"),
                    },
                },
                _ = ping.tick() => {
                    idle = if spool.is_empty() { idle + 1 } else { 0 };
                    if idle > IDLE_BEATS {
                        return sink.close().await.map_err(Lost::from);
                    }
                    send_ping(&mut sink).await?;
                }
            }
        }
    };
    tokio::select! { ended = reads => ended, ended = writes => ended }
}
