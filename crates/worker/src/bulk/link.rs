//! The bulk link: sends what the spool has, takes acknowledgements. Redialled while control is up.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use steading_wire::worker::{BulkToWorker, HEARTBEAT_MS};
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::{interval, sleep};

use crate::session::{Backoff, Dialer, Lost, Socket, receive, send, send_ping};
use crate::spool::{Due, Spool};

/// Where it is.
const PATH: &str = "/worker/v1/bulk";

/// Serves the spool for as long as the worker lives.
pub(crate) async fn serve(
    spool: Arc<Spool>,
    dialer: Dialer,
    mut up: watch::Receiver<bool>,
) -> Infallible {
    let mut backoff = Backoff::default();
    loop {
        if up.wait_for(|up| *up).await.is_err() {
            // The daemon is gone, and this future with it in a moment.
            return std::future::pending().await;
        }
        match dialer.dial(PATH).await {
            Ok(socket) => {
                let mut healthy = false;
                if let Err(lost) = carry(socket, &spool, &mut healthy).await {
                    tracing::info!("the bulk link is lost: {lost}");
                }
                if healthy {
                    backoff.reset();
                }
            }
            Err(error) => tracing::debug!("no bulk link: {error}"),
        }
        sleep(backoff.next()).await;
    }
}

async fn carry(socket: Socket, spool: &Spool, healthy: &mut bool) -> Result<(), Lost> {
    let (mut sink, mut stream) = socket.split();
    spool.begin_link();
    let reads = async {
        loop {
            match receive(&mut stream).await? {
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
        let mut after = None;
        loop {
            tokio::select! {
                (log, due) = spool.next(&mut after) => match due {
                    Due::Message(message) => send(&mut sink, &message).await?,
                    Due::Block(block) => match block_in_place(|| spool.read(log, block)) {
                        Ok(message) => send(&mut sink, &message).await?,
                        Err(error) => tracing::error!("a spooled block is unreadable: {error}"),
                    },
                },
                _ = ping.tick() => send_ping(&mut sink).await?,
            }
        }
    };
    tokio::select! { ended = reads => ended, ended = writes => ended }
}
