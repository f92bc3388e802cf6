//! Messages over a WebSocket, each wait with a deadline: a silent link is a lost link.

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::{Serialize, de::DeserializeOwned};
use steading_wire::worker::{DecodeError, SILENCE_MS, decode, encode};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message};

use super::dial::Socket;

/// The longest silence, unless the master says otherwise, and the longest a message may take to
/// leave.
pub(crate) const SILENCE: Duration = Duration::from_millis(SILENCE_MS);

/// Why a link is no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The other side closed it.
    #[error("the master closed the link")]
    Closed,
    /// Nothing came, or nothing went, for too long.
    #[error("the link was silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// It broke.
    #[error(transparent)]
    Broken(#[from] tungstenite::Error),
    /// The master answers, but does not take what it is sent.
    #[error("the master could not store what it was sent")]
    NotStored,
    /// What came is not of the protocol.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
}

/// The next message; pongs count as signs of life.
pub(crate) async fn receive<T: DeserializeOwned>(
    stream: &mut SplitStream<Socket>,
    silence: Duration,
) -> Result<T, Lost> {
    loop {
        let message = timeout(silence, stream.next()).await.map_err(|_| Lost::Silent(silence))?;
        match message.ok_or(Lost::Closed)?? {
            Message::Binary(bytes) => return Ok(decode(&bytes)?),
            Message::Close(_) => return Err(Lost::Closed),
            _ => {}
        }
    }
}

/// Sends a message.
pub(crate) async fn send<T: Serialize>(
    sink: &mut SplitSink<Socket, Message>,
    message: &T,
) -> Result<(), Lost> {
    let message = Message::Binary(encode(message).into());
    leave(sink, message).await
}

/// Asks for a sign of life.
pub(crate) async fn send_ping(sink: &mut SplitSink<Socket, Message>) -> Result<(), Lost> {
    leave(sink, Message::Ping(Vec::new().into())).await
}

async fn leave(sink: &mut SplitSink<Socket, Message>, message: Message) -> Result<(), Lost> {
    let sent = timeout(SILENCE, sink.send(message)).await;
    sent.map_err(|_| Lost::Silent(SILENCE))?.map_err(Lost::from)
}
