//! Long answers: a task fills a bounded queue, the connection empties it. Who is too slow is left.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use steading_wire::problem::Code;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{Failure, State};

/// How long a full queue may stay full before its client is left. It resumes by `Last-Event-ID`.
const SEND_WAIT_S: u64 = 15;
/// A comment this often tells proxies and clients that the line stands.
const PING_S: u64 = 15;

/// The filling end.
pub(super) struct Sender {
    queue: mpsc::Sender<Event>,
    stopping: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// The client is gone, too slow, or we are stopping: there is nobody to send to.
#[derive(Debug)]
pub(super) struct Gone;

impl Sender {
    /// Sends, waiting for room.
    pub(super) async fn send(&self, event: Event) -> Result<(), Gone> {
        let wait = Duration::from_secs(SEND_WAIT_S);
        tokio::select! {
            sent = self.queue.send_timeout(event, wait) => sent.map_err(|_| Gone),
            () = self.stopping.cancelled() => Err(Gone),
        }
    }

    /// Waits for what is awaited, as long as there is a client.
    pub(super) async fn wait<T>(&self, awaited: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::select! {
            done = awaited => Ok(done),
            () = self.queue.closed() => Err(Gone),
            () = self.stopping.cancelled() => Err(Gone),
        }
    }
}

/// A stream's two ends, if there is room for another. `queue_max` events may wait for the client.
pub(super) fn open(state: &State, queue_max: usize) -> Result<(Sender, Response), Failure> {
    let permit = state.streams.clone().try_acquire_owned().map_err(|_| {
        Failure::new(Code::Unavailable, "too many streams are open; try again later")
    })?;
    let (queue, receiver) = mpsc::channel(queue_max);
    let events = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|event| (Ok::<Event, Infallible>(event), receiver))
    });
    let ping = KeepAlive::new().interval(Duration::from_secs(PING_S)).text("ping");
    let response = Sse::new(events).keep_alive(ping).into_response();
    Ok((Sender { queue, stopping: state.stopping.clone(), _permit: permit }, response))
}
