//! Moves what comes out of a pipe to where it belongs, until the last writer is gone.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until};

use super::{Activity, LogWriter};

/// How much is read at once, in bytes: a pipe is made this large too.
pub(crate) const READ_BYTES: usize = 256 << 10;

/// Where output goes.
pub(crate) enum Sink<'a> {
    /// Into a log of the step.
    Log(&'a mut LogWriter),
    /// Into memory, up to a limit: for answers the worker itself reads.
    Memory {
        /// The bytes.
        bytes: &'a mut Vec<u8>,
        /// How many are kept.
        limit: usize,
    },
}

impl Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            // Compressing and writing a block takes about a millisecond: other tasks go on.
            Sink::Log(log) => block_in_place(|| log.write(bytes)),
            Sink::Memory { bytes: kept, limit } => {
                kept.extend_from_slice(&bytes[..bytes.len().min(limit.saturating_sub(kept.len()))]);
                Ok(())
            }
        }
    }

    fn tail_due(&self) -> Option<Instant> {
        match self {
            Sink::Log(log) => log.tail_due(),
            Sink::Memory { .. } => None,
        }
    }

    /// Returns when a new link begins.
    async fn new_link(&self) {
        if let Sink::Log(log) = self
            && log.links().changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    fn show_tail(&mut self) {
        if let Sink::Log(log) = self {
            log.show_tail();
        }
    }
}

/// Reads `pipe` to its end.
///
/// # Errors
/// When the sink cannot take what was read.
pub(crate) async fn pump(
    mut pipe: Receiver,
    mut sink: Sink<'_>,
    activity: &Activity,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let due = sink.tail_due();
        let read = tokio::select! {
            biased;
            () = wait_for(due) => None,
            () = sink.new_link(), if due.is_none() => None,
            read = pipe.read(&mut buffer) => Some(read?),
        };
        match read {
            None => sink.show_tail(),
            Some(0) => return Ok(()),
            Some(n) => {
                activity.touch();
                sink.write(&buffer[..n])?;
            }
        }
    }
}

async fn wait_for(due: Option<Instant>) {
    match due {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
