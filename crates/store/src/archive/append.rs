//! Writing logs: blocks by raw offset, and at last the trailer. Acknowledged once durable.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use fs_err::os::unix::fs::FileExt;
use fs_err::{self as fs, File};
use steading_core::words::LogId;
use steading_frames::{Damage, Stored, Summary, Trailer};
use tokio::sync::oneshot;

use super::live::Extent;
use super::log::{Archive, OpenLog, State, blocking};
use super::syncer::Job;
use super::{Error, syncer::Syncer};

/// The answer to a block: it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Every byte below this raw offset is durable; the next block begins here or later.
    pub next: u64,
}

/// A block that is written but maybe not durable yet.
#[derive(Debug)]
pub struct Pending {
    next: u64,
    answer: Option<oneshot::Receiver<Result<(), Error>>>,
}

impl Pending {
    /// Waits until it is durable.
    ///
    /// # Errors
    /// When the disk failed; the log is then read anew, and `next_offset` tells where to go on.
    pub async fn durable(self) -> Result<Appended, Error> {
        if let Some(answer) = self.answer {
            answer.await.unwrap_or(Err(Error::Stopped("its syncer has ended")))?;
        }
        Ok(Appended { next: self.next })
    }
}

impl Archive {
    /// Appends a block as `frames` made it and waits until it is durable. A block that is there
    /// already is acknowledged again.
    ///
    /// # Errors
    /// `OutOfPlace` with the offset expected when it does not follow; `Refused` when it is no sound
    /// block; `Closed`; or what the disk says. Nothing is changed then.
    pub async fn append(
        &self,
        log: LogId,
        raw_offset: u64,
        encoded: Vec<u8>,
    ) -> Result<Appended, Error> {
        self.write(log, raw_offset, encoded).await?.durable().await
    }

    /// Like `append`, in two steps: writes now, in order, and lets the caller write further blocks
    /// while this one becomes durable.
    ///
    /// # Errors
    /// As `append`.
    pub async fn write(
        &self,
        log: LogId,
        raw_offset: u64,
        encoded: Vec<u8>,
    ) -> Result<Pending, Error> {
        let this = self.clone();
        blocking(move || {
            let open = this.open_log(log);
            let mut closed = false;
            let pending = open.with_state(|state| {
                closed = state.closed.is_some() && is_durable(&open, state);
                let durable = place(&open, state, raw_offset, &encoded)?;
                if durable { Ok(done(state)) } else { submit(&this.inner.syncer, &open, state) }
            });
            this.forget_if(closed, &open);
            pending
        })
        .await
    }

    /// Closes a log with the trailer its worker made, after comparing it with what is stored.
    /// Closing again with the same trailer is acknowledged again. A worker whose machine lost its
    /// power may have lost blocks it had sent: then the log is all that is stored, and the answer
    /// says so.
    ///
    /// # Errors
    /// `Refused` when the trailer speaks of other bytes, lines, or another hash than what is
    /// stored; or what the disk says. The log stays open then.
    pub async fn close(&self, log: LogId, trailer: Vec<u8>) -> Result<Summary, Error> {
        self.finish(log, Some(Trailer { encoded: trailer })).await
    }

    /// Closes a log with what is stored of it, for a worker that nobody waits for any more. Nothing
    /// is added to its content: how its build ended stands in the build's row. Closing again is
    /// harmless. What the worker sends later is refused, also where nothing was stored.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn close_as_is(&self, log: LogId) -> Result<Summary, Error> {
        self.finish(log, None).await
    }

    /// Closes a log of which its worker said that nothing was written, so nothing will come. It has
    /// no file, and gets none: it is empty, says its row. One that has a file is closed as it is.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn close_unwritten(&self, log: LogId) -> Result<Summary, Error> {
        let this = self.clone();
        let empty = blocking(move || {
            let open = this.open_log(log);
            let empty = open.with_state(|state| {
                let refused = |damage| Error::Refused { log, damage };
                let summary = || state.ledger.check(&state.ledger.trailer()).map_err(refused);
                (state.extent.file == 0).then(summary).transpose()
            })?;
            this.forget_if(empty.is_some(), &open);
            Ok(empty)
        });
        match empty.await? {
            Some(summary) => Ok(summary),
            None => self.close_as_is(log).await,
        }
    }

    async fn finish(&self, log: LogId, trailer: Option<Trailer>) -> Result<Summary, Error> {
        let this = self.clone();
        let (open, summary, pending) = blocking(move || {
            let open = this.open_log(log);
            let (summary, pending) = open.with_state(|state| {
                let summary = seal(&open, state, trailer)?;
                Ok((summary, submit(&this.inner.syncer, &open, state)?))
            })?;
            Ok((open, summary, pending))
        })
        .await?;
        pending.durable().await?;
        self.forget_if(true, &open);
        Ok(summary)
    }
}

/// Puts a block in its place; answers whether all that is there is durable already.
fn place(
    open: &Arc<OpenLog>,
    state: &mut State,
    raw_offset: u64,
    encoded: &[u8],
) -> Result<bool, Error> {
    let log = open.id;
    let refused = |damage| Error::Refused { log, damage };
    let block = Stored::decode(encoded, &mut state.packer).map_err(refused)?;
    if block.raw_offset() != raw_offset {
        let (expected, found) = (raw_offset, block.raw_offset());
        return Err(refused(Damage::OutOfPlace { expected, found }));
    }
    if let Some(summary) = &state.closed {
        let end = raw_offset + u64::from(block.raw_len());
        return if end <= summary.bytes { Ok(true) } else { Err(Error::Closed(log)) };
    }
    let expected = state.ledger.raw_len();
    if raw_offset != expected {
        return match state.ledger.table().has_block(raw_offset, block.raw_len()) {
            true => Ok(is_durable(open, state)),
            false => Err(Error::OutOfPlace { log, expected, found: raw_offset }),
        };
    }
    state.ledger.add(&block).map_err(refused)?;
    write_at_end(open, state, encoded)?;
    state.extent.raw = state.ledger.raw_len();
    open.live().stored(state.extent.raw);
    open.publish();
    Ok(false)
}

/// Writes the trailer given, or the one that fits, unless the log is closed already.
fn seal(open: &OpenLog, state: &mut State, trailer: Option<Trailer>) -> Result<Summary, Error> {
    let refused = |damage| Error::Refused { log: open.id, damage };
    if let Some(closed) = &state.closed {
        let claimed = match &trailer {
            Some(trailer) => trailer.decode().map_err(refused)?.1,
            None => closed.clone(),
        };
        let (expected, found) = (format!("{claimed:?}"), format!("{closed:?}"));
        let mismatch = Damage::Mismatch { what: "what is already closed", expected, found };
        let known = claimed == *closed || claimed.bytes < closed.bytes;
        return if known { Ok(closed.clone()) } else { Err(refused(mismatch)) };
    }
    let trailer = trailer.filter(|trailer| !state.ledger.outgrew(trailer));
    let trailer = trailer.unwrap_or_else(|| state.ledger.trailer());
    let summary = state.ledger.check(&trailer).map_err(refused)?;
    write_at_end(open, state, &trailer.encoded)?;
    state.closed = Some(summary.clone());
    Ok(summary)
}

/// Writes behind what is there, overwriting whatever a failed write left.
fn write_at_end(open: &OpenLog, state: &mut State, bytes: &[u8]) -> Result<(), Error> {
    if state.extent.file == 0 {
        fs::create_dir_all(directory(open))?;
    }
    let file = writable(open)?;
    file.write_all_at(bytes, state.extent.file)?;
    state.extent.file += bytes.len() as u64;
    Ok(())
}

fn is_durable(open: &OpenLog, state: &State) -> bool {
    open.live().durable.file >= state.extent.file
}

fn done(state: &State) -> Pending {
    Pending { next: state.extent.raw, answer: None }
}

/// Asks for all that is written so far to be made durable.
fn submit(syncer: &Syncer, open: &Arc<OpenLog>, state: &State) -> Result<Pending, Error> {
    let Extent { raw: next, .. } = state.extent;
    let (sender, answer) = oneshot::channel();
    let (open_log, generation, extent) = (open.clone(), state.generation, state.extent);
    let done = move |result: io::Result<()>| {
        let trusted = open_log.live().settled(generation, extent, result.is_ok());
        let lost = Error::Stopped("an earlier write of this log failed; send it again");
        let answer = result.map_err(Error::from).and(if trusted { Ok(()) } else { Err(lost) });
        // Whoever asked may have gone; what is durable is noted above.
        let _ = sender.send(answer);
    };
    let fresh = open.live().durable.file == 0;
    let directories = if fresh { directories(open) } else { Vec::new() };
    syncer.submit(Job { file: writable(open)?, directories, done: Box::new(done) })?;
    Ok(Pending { next, answer: Some(answer) })
}

fn writable(open: &OpenLog) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create(true).truncate(false).open(&open.path)
}

fn directory(open: &OpenLog) -> PathBuf {
    open.path.parent().expect("a log lies in a shard").to_owned()
}

/// The log's directory and the two above it, any of which may be new.
fn directories(open: &OpenLog) -> Vec<PathBuf> {
    open.path.ancestors().skip(1).take(3).map(PathBuf::from).collect()
}
