//! The control link: small messages both ways, nothing else. The master answers each heartbeat, so
//! that no other sign of life is asked for.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use steading_wire::worker::{ToMaster, ToWorker, silence_ms};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::dial::{DialError, Dialer, Socket};
use super::socket::{Lost, SILENCE, receive, send};
use crate::Error;

/// Where it is.
const PATH: &str = "/worker/v1/control";
/// How many messages wait on either side.
const QUEUE_MAX: usize = 1024;
/// How long the last messages may take to leave.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// A link that stands. Dropping it drops the connection.
#[derive(Debug)]
pub(crate) struct Link {
    out: Option<mpsc::Sender<ToMaster>>,
    incoming: mpsc::Receiver<ToWorker>,
    task: JoinHandle<()>,
}

impl Link {
    /// Dials until it succeeds or cannot.
    pub(crate) async fn dial(
        dialer: Dialer,
        mut backoff: Backoff,
    ) -> Result<(Link, Backoff), Error> {
        loop {
            match dialer.dial(PATH).await {
                Ok(socket) => return Ok((Link::new(socket), backoff)),
                Err(DialError::Fatal(error)) => return Err(error),
                Err(DialError::Away(why)) => tracing::debug!("the master is away: {why}"),
            }
            sleep(backoff.next()).await;
        }
    }

    fn new(socket: Socket) -> Link {
        let (out, to_send) = mpsc::channel(QUEUE_MAX);
        let (heard, incoming) = mpsc::channel(QUEUE_MAX);
        let task = tokio::spawn(async move {
            if let Err(lost) = carry(socket, to_send, heard).await {
                tracing::info!("the control link is lost: {lost}");
            }
        });
        Link { out: Some(out), incoming, task }
    }

    /// The next message; `None` when the link is lost.
    pub(crate) async fn next(&mut self) -> Option<ToWorker> {
        self.incoming.recv().await
    }

    /// Queues a message. A link whose queue is full is as good as lost: all is said again later.
    pub(crate) fn say(&self, message: ToMaster) {
        if let Some(out) = &self.out
            && out.try_send(message).is_err()
        {
            self.task.abort();
        }
    }

    /// Lets what is queued leave, and closes.
    pub(crate) async fn close(mut self) {
        self.out = None;
        let _ = timeout(FLUSH_MAX, &mut self.task).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    socket: Socket,
    mut to_send: mpsc::Receiver<ToMaster>,
    heard: mpsc::Sender<ToWorker>,
) -> Result<(), Lost> {
    let (mut sink, mut stream) = socket.split();
    let reads = async {
        let mut silence = SILENCE;
        loop {
            let message = receive(&mut stream, silence).await?;
            if let ToWorker::Welcome { heartbeat_ms, .. } = &message {
                silence = Duration::from_millis(silence_ms(*heartbeat_ms));
            }
            if heard.send(message).await.is_err() {
                return Ok(());
            }
        }
    };
    let writes = async {
        while let Some(message) = to_send.recv().await {
            send(&mut sink, &message).await?;
        }
        sink.close().await.map_err(Lost::from)
    };
    tokio::select! { ended = reads => ended, ended = writes => ended }
}
