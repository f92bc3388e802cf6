//! A connection to a shepherd, as the daemon has it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::shepherd::{FromShepherd, SHEPHERD_PROTOCOL, ToShepherd, take, to_bytes};

/// How long a shepherd may take to take what it is told, or to say who it is.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What is heard of a shepherd.
pub(super) struct Hearing {
    read: OwnedReadHalf,
    input: Vec<u8>,
}

/// How a shepherd is told.
pub(super) struct Telling(OwnedWriteHalf);

/// The two halves of a connection.
pub(super) fn split(stream: UnixStream) -> (Hearing, Telling) {
    let (read, write) = stream.into_split();
    (Hearing { read, input: Vec::new() }, Telling(write))
}

impl Hearing {
    /// The next message; `None` when the shepherd is gone. May be dropped and called again.
    pub(super) async fn next(&mut self) -> io::Result<Option<FromShepherd>> {
        loop {
            if let Some(message) = take(&mut self.input)? {
                return Ok(Some(message));
            }
            if self.read.read_buf(&mut self.input).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The first message: which program it runs, and which step.
    pub(super) async fn here(&mut self) -> io::Result<FromShepherd> {
        match timeout(ANSWER_MAX, self.next()).await {
            Ok(Ok(Some(here @ FromShepherd::Here { protocol: SHEPHERD_PROTOCOL, .. }))) => Ok(here),
            Ok(Ok(Some(other))) => {
                Err(io::Error::other(format!("it speaks another language: {other:?}")))
            }
            Ok(Ok(None)) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it says nothing")),
        }
    }
}

impl Telling {
    /// Tells it something.
    pub(super) async fn tell(&mut self, message: &ToShepherd) -> io::Result<()> {
        let bytes = to_bytes(message);
        match timeout(ANSWER_MAX, self.0.write_all(&bytes)).await {
            Ok(told) => told,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not listen")),
        }
    }
}
