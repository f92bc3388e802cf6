//! A WebSocket that speaks one kind of message each way: axum's, or one that a simulation
//! carries.

use std::time::Duration;

use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use steading_wire::worker::{HEARTBEAT_MS, decode, encode, silence_ms};
use tokio::time::Instant;

/// Whatever carries WebSocket messages both ways.
pub trait Socket:
    Stream<Item = Result<Message, axum::Error>>
    + Sink<Message, Error = axum::Error>
    + Unpin
    + Send
    + 'static
{
}

impl<S> Socket for S where
    S: Stream<Item = Result<Message, axum::Error>>
        + Sink<Message, Error = axum::Error>
        + Unpin
        + Send
        + 'static
{
}

/// Longest time one message may take to be sent: slower peers are cut off. With the silence that
/// may have been before, less than 15 s.
const SEND_DEADLINE: Duration = Duration::from_millis(3_500);

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The other side closed it.
    #[error("the link was closed")]
    Closed,
    /// Nothing was heard for too long.
    #[error("nothing was heard for {} s", .0.as_secs())]
    Silent(Duration),
    /// It does not take what is sent.
    #[error("the worker does not take what is sent")]
    Stuck,
    /// Whoever dialled may no longer.
    #[error("its token was revoked, replaced, or has expired")]
    Revoked,
    /// It broke.
    #[error("the link broke: {0}")]
    Broken(#[from] axum::Error),
    /// It spoke something else.
    #[error(transparent)]
    Nonsense(#[from] steading_wire::worker::DecodeError),
    /// History said no.
    #[error(transparent)]
    Store(#[from] steading_store::Error),
    /// An acceptance could not be written down.
    #[error(transparent)]
    Accept(#[from] crate::build::Refused),
}

/// Sends one message.
pub(super) async fn send<S: Socket, T: Serialize>(
    socket: &mut S,
    message: &T,
) -> Result<(), Ended> {
    send_frame(socket, Message::Binary(encode(message).into())).await
}

/// A sign of life that asks for none.
pub(super) async fn pong(socket: &mut impl Socket) -> Result<(), Ended> {
    send_frame(socket, Message::Pong(Default::default())).await
}

async fn send_frame(socket: &mut impl Socket, frame: Message) -> Result<(), Ended> {
    match tokio::time::timeout(SEND_DEADLINE, socket.send(frame)).await {
        Ok(sent) => Ok(sent?),
        Err(_) => Err(Ended::Stuck),
    }
}

/// When the other side was last heard.
#[derive(Debug)]
pub(super) struct Hearing {
    last: Instant,
    /// The longest silence.
    silence: Duration,
}

impl Default for Hearing {
    fn default() -> Hearing {
        let silence = Duration::from_millis(silence_ms(HEARTBEAT_MS));
        Hearing { last: Instant::now(), silence }
    }
}

impl Hearing {
    /// From now on something is heard so often, in milliseconds.
    pub(super) fn expects(&mut self, heartbeat_ms: u64) -> u64 {
        self.silence = Duration::from_millis(silence_ms(heartbeat_ms));
        heartbeat_ms
    }

    /// Receives one message; WebSocket's own pings count as life. May be dropped and called again:
    /// the silence is counted from what was last heard, not from the call.
    pub(super) async fn receive<T: DeserializeOwned>(
        &mut self,
        socket: &mut impl Socket,
    ) -> Result<T, Ended> {
        loop {
            let next = tokio::time::timeout_at(self.last + self.silence, socket.next()).await;
            let next = next.map_err(|_| Ended::Silent(self.silence))?;
            let message = next.ok_or(Ended::Closed)??;
            self.last = Instant::now();
            match message {
                Message::Binary(bytes) => return Ok(decode(&bytes)?),
                Message::Close(_) => return Err(Ended::Closed),
                Message::Ping(_) | Message::Pong(_) | Message::Text(_) => {}
            }
        }
    }
}
