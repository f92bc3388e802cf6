//! The one that writes, on a thread of its own or inline: sections in order, those that wait
//! together in one commit.

use std::any::Any;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use steading_core::words::Seq;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::inline::pass;
use super::{Clock, Fate, Hook, Place, Stats, Write};
use crate::{Error, Followed};

/// The most sections one commit covers.
const GROUP_MAX: usize = 256;

/// What the writer is asked.
pub(super) enum Message {
    Section(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// A section whose result type is forgotten, so that unlike sections share a queue.
pub(super) trait Job: Send {
    fn name(&self) -> &'static str;
    /// Runs the closure once and keeps its result for the answer.
    fn run(&mut self, w: &mut Write<'_>) -> Result<(), Error>;
    /// Sends the kept result, or the error that overrides it.
    fn answer(self: Box<Self>, overriding: Option<Error>);
}

/// A write section on its way.
pub(super) struct Section<T, F> {
    name: &'static str,
    closure: F,
    result: Result<T, Error>,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Section<T, F> {
    pub(super) fn new(
        name: &'static str,
        closure: F,
    ) -> (Section<T, F>, oneshot::Receiver<Result<T, Error>>) {
        let (answer, receiver) = oneshot::channel();
        (Section { name, closure, result: Err(Error::Closed), answer }, receiver)
    }
}

impl<T: Send, F> Job for Section<T, F>
where
    F: FnMut(&mut Write<'_>) -> Result<T, Error> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, w: &mut Write<'_>) -> Result<(), Error> {
        self.result = (self.closure)(w);
        self.result.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn answer(self: Box<Self>, overriding: Option<Error>) {
        let result = overriding.map_or(self.result, Err);
        // Nobody waits any more: the commit stands all the same.
        let _ = self.answer.send(result);
    }
}

/// A section of a group, and what overrides its own result.
struct Member {
    job: Box<dyn Job>,
    error: Option<Error>,
    kept: bool,
    statements: u64,
    busy_us: u64,
}

impl Member {
    fn new(job: Box<dyn Job>) -> Member {
        Member { job, error: None, kept: false, statements: 0, busy_us: 0 }
    }
}

pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) file: PathBuf,
    pub(super) clock: Clock,
    pub(super) rehearse: bool,
    /// The newest committed event.
    pub(super) seq: i64,
    pub(super) publish: Followed<Seq>,
    pub(super) stats: Arc<Mutex<Stats>>,
    /// Says what happens where sections run inline.
    pub(super) hook: Option<Hook>,
    /// Held for its lock alone.
    pub(super) _lock: File,
}

/// Why a group was not committed.
enum NotCommitted {
    /// The engine, and what it said.
    Refused(Error),
    /// The process died, as far as this store is concerned.
    Died,
}

impl From<Error> for NotCommitted {
    fn from(error: Error) -> NotCommitted {
        NotCommitted::Refused(error)
    }
}

impl Writer {
    /// Runs sections until every sender is gone or one says close.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut closing = None;
        while closing.is_none() {
            let Some(message) = queue.blocking_recv() else { break };
            let group = group(message, &mut queue, &mut closing);
            if !group.is_empty() && self.commit(group).is_err() {
                return;
            }
        }
        self.end(queue, closing);
    }

    /// The same in turn with other tasks.
    pub(super) async fn run_inline(mut self, mut queue: mpsc::Receiver<Message>, hook: Hook) {
        let mut closing = None;
        while closing.is_none() {
            let Some(message) = queue.recv().await else { break };
            pass(&hook, Place::Waiting).await;
            let group = group(message, &mut queue, &mut closing);
            if !group.is_empty() && self.commit(group).is_err() {
                return std::future::pending().await;
            }
        }
        self.end(queue, closing);
    }

    fn end(self, mut queue: mpsc::Receiver<Message>, closing: Option<oneshot::Sender<()>>) {
        queue.close();
        // Sections behind the close are dropped unanswered, which their callers see as `Closed`.
        drop(queue);
        drop(self);
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    /// One group: run, commit, publish, answer. An error: the process died here.
    fn commit(&mut self, mut group: Vec<Member>) -> Result<(), Died> {
        let committed = match self.transaction(&mut group) {
            Ok(seq) => Ok(seq),
            Err(NotCommitted::Refused(error)) => Err(error.in_file(&self.file)),
            Err(NotCommitted::Died) => return Err(Died),
        };
        if committed.is_err() && !self.conn.is_autocommit() {
            // Nothing to add when this fails too: the next BEGIN will say so.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        // Counted first: who is told of an event must find that history has moved.
        self.count(&group, committed.is_ok());
        if let Ok(seq) = committed
            && seq != self.seq
        {
            self.seq = seq;
            self.publish.replace(Seq(seq));
        }
        let failed = committed.err();
        if let Some(error) = &failed {
            tracing::error!(sections = group.len(), %error, "a group of sections was not committed");
        }
        for member in group {
            let error = failed.clone().or(member.error).map(|error| error.in_file(&self.file));
            member.job.answer(error);
        }
        Ok(())
    }

    /// Runs the group's sections in one transaction; yields the newest event after it.
    fn transaction(&self, group: &mut [Member]) -> Result<i64, NotCommitted> {
        let names: Vec<&'static str> = group.iter().map(|member| member.job.name()).collect();
        self.control("BEGIN IMMEDIATE")?;
        let mut seq = self.seq;
        for (index, member) in group.iter_mut().enumerate() {
            self.at(Place::Section(&names, index))?;
            let began = Instant::now();
            seq = self.section(member, seq)?;
            member.busy_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        }
        self.at(Place::Commit(&names))?;
        self.control("COMMIT")?;
        self.at(Place::Reply(&names))?;
        Ok(seq)
    }

    /// What the hook, if there is one, makes happen here.
    fn at(&self, place: Place<'_>) -> Result<(), NotCommitted> {
        match self.hook.as_ref().map_or(Fate::Go, |hook| hook(place)) {
            Fate::Die => Err(NotCommitted::Died),
            Fate::Fail(error) => Err(NotCommitted::Refused(error)),
            Fate::Go | Fate::Later(_) => Ok(()),
        }
    }

    /// Runs one section under its savepoint; yields the newest event after it.
    fn section(&self, member: &mut Member, seq: i64) -> Result<i64, Error> {
        let now = (self.clock)();
        let rehearsals = usize::from(self.rehearse);
        for rehearsal in (0..=rehearsals).rev() {
            self.control("SAVEPOINT section")?;
            let mut w = Write::new(&self.conn, now, seq);
            let ran = run_caught(&mut *member.job, &mut w);
            let after = w.seq();
            member.statements += w.statements();
            if self.conn.is_autocommit() {
                // The engine gave the whole transaction up (a full disk, an I/O error).
                let lost = || Error::Database("the transaction was given up".to_owned());
                return Err(ran.err().unwrap_or_else(lost));
            }
            let keep = rehearsal == 0 && ran.is_ok();
            if !keep {
                self.control("ROLLBACK TO SAVEPOINT section")?;
            }
            self.control("RELEASE SAVEPOINT section")?;
            match ran {
                Err(error @ Error::Panicked { .. }) => {
                    member.error = Some(error);
                    return Ok(seq);
                }
                Err(error) => member.error = Some(error),
                Ok(()) => member.error = None,
            }
            if keep {
                member.kept = true;
                return Ok(after);
            }
        }
        Ok(seq)
    }

    fn control(&self, sql: &str) -> Result<(), Error> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn count(&self, group: &[Member], committed: bool) {
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.commits += u64::from(committed);
        stats.group_max = stats.group_max.max(group.len());
        for member in group {
            let of = stats.sections.entry(member.job.name()).or_default();
            if committed && member.kept {
                of.committed += 1;
            } else {
                of.undone += 1;
            }
            of.statements += member.statements;
            of.busy_us += member.busy_us;
        }
    }
}

/// The process died, as far as this store is concerned.
struct Died;

/// A message and what waits behind it: only that is taken along, group commit never lingers.
fn group(
    first: Message,
    queue: &mut mpsc::Receiver<Message>,
    closing: &mut Option<oneshot::Sender<()>>,
) -> Vec<Member> {
    let mut group = Vec::new();
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Section(job) => group.push(Member::new(job)),
            Message::Close(done) => *closing = Some(done),
        }
        let room = group.len() < GROUP_MAX && closing.is_none();
        next = room.then(|| queue.try_recv().ok()).flatten();
    }
    group
}

/// Runs a section's closure; a panic becomes an error.
fn run_caught(job: &mut dyn Job, w: &mut Write<'_>) -> Result<(), Error> {
    // Unwind safety: what the closure did to the database is undone, and it is never called again.
    catch_unwind(AssertUnwindSafe(|| job.run(w))).unwrap_or_else(|panic| {
        Err(Error::Panicked { section: job.name(), message: panic_message(&*panic) })
    })
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
