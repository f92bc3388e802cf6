//! Who reads: threads, each with a connection of its own that cannot write; and whoever only
//! glances at a few rows, where it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::inline::pass;
use super::store::enqueue;
use super::writer::panic_message;
use super::{Clock, Hook, Options, Place, Read, Run, files};
use crate::{Error, OpenError, migrations};

/// Threads that read.
const READERS: usize = 4;
/// Reads that may wait for a thread.
const QUEUE_MAX: usize = 1024;

type Job = Box<dyn FnOnce(&Connection, &Clock) + Send>;

/// The reading half of a store.
pub(super) enum Readers {
    Threads(Threads),
    Inline(Box<Inline>),
}

/// Threads that take reads from one queue.
pub(super) struct Threads {
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    file: PathBuf,
    clock: Clock,
    /// Connections of those who glance, while nobody does.
    idle: Mutex<Vec<Connection>>,
}

/// Reads run where they are asked for.
pub(super) struct Inline {
    conn: Mutex<Connection>,
    clock: Clock,
    hook: Hook,
}

impl Readers {
    pub(super) fn start(file: &Path, clock: &Clock, on: &Run) -> Result<Readers, OpenError> {
        match on {
            Run::Threads => Threads::start(file, clock).map(Readers::Threads),
            Run::Inline(hook) => {
                let conn = Mutex::new(files::open_reader(file)?);
                let (clock, hook) = (Arc::clone(clock), Arc::clone(hook));
                Ok(Readers::Inline(Box::new(Inline { conn, clock, hook })))
            }
        }
    }

    pub(super) async fn read<T, F>(&self, section: F) -> Result<T, Error>
    where
        F: FnOnce(&Read<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Readers::Threads(threads) => threads.read(section).await,
            Readers::Inline(inline) => {
                pass(&inline.hook, Place::Read).await;
                let conn = inline.conn.lock().unwrap_or_else(PoisonError::into_inner);
                run(&conn, &inline.clock, section)
            }
        }
    }

    pub(super) async fn glance<T, F>(&self, section: F) -> Result<T, Error>
    where
        F: FnOnce(&Read<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Readers::Threads(threads) => threads.glance(section),
            Readers::Inline(_) => self.read(section).await,
        }
    }
}

impl Threads {
    fn start(file: &Path, clock: &Clock) -> Result<Threads, OpenError> {
        let (queue, jobs) = mpsc::channel::<Job>(QUEUE_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Vec::new();
        for number in 1..=READERS {
            let conn = files::open_reader(file)?;
            let (jobs, clock) = (Arc::clone(&jobs), Arc::clone(clock));
            let builder = std::thread::Builder::new().name(format!("store-reader-{number}"));
            threads.push(builder.spawn(move || serve(&conn, &clock, &jobs))?);
        }
        let (file, clock, idle) = (file.to_owned(), Arc::clone(clock), Mutex::default());
        Ok(Threads { queue: Some(queue), threads, file, clock, idle })
    }

    /// Runs a section here. There are as many connections as ever were in use at once: at most one
    /// for each thread of the runtime.
    fn glance<T>(&self, section: impl FnOnce(&Read<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let opened = || files::open_reader(&self.file).map_err(|e| Error::Database(e.to_string()));
        let conn = known.map_or_else(opened, Ok)?;
        let result = run(&conn, &self.clock, section);
        idle().push(conn);
        result
    }

    async fn read<T, F>(&self, section: F) -> Result<T, Error>
    where
        F: FnOnce(&Read<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or(Error::Closed)?;
        let (answer, result) = oneshot::channel();
        let job = move |conn: &Connection, clock: &Clock| {
            let _ = answer.send(run(conn, clock, section));
        };
        enqueue(queue, Box::new(job) as Job).await?;
        result.await.unwrap_or(Err(Error::Closed))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// Serves reads until every sender is gone. Idle threads queue up at the mutex, one waits inside.
fn serve(conn: &Connection, clock: &Clock, jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = job else { return };
        job(conn, clock);
    }
}

/// One read section, in one transaction: everything it sees is of the same moment.
fn run<T>(
    conn: &Connection,
    clock: &Clock,
    section: impl FnOnce(&Read<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    conn.prepare_cached("BEGIN")?.execute([])?;
    let read = Read::new(conn, clock());
    let result = catch_unwind(AssertUnwindSafe(|| section(&read))).unwrap_or_else(|panic| {
        Err(Error::Panicked { section: "read", message: panic_message(&*panic) })
    });
    if !conn.is_autocommit() {
        conn.prepare_cached("ROLLBACK")?.execute([])?;
    }
    result
}

/// History without the right to write it: for `audit` and the like, also beside a running farm.
pub struct Reader {
    readers: Readers,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens the history of a data directory for reading; takes no lock and migrates nothing.
    ///
    /// # Errors
    /// When there is no history, or it is of another version.
    pub fn open(options: &Options) -> Result<Reader, OpenError> {
        let file = options.data.join(files::DATABASE);
        if !file.exists() {
            return Err(OpenError::Missing { file });
        }
        migrations::require_current(&files::open_reader(&file)?, &file, migrations::ALL)?;
        Ok(Reader { readers: Readers::start(&file, &options.clock, &options.run)? })
    }

    /// Runs a read section: one consistent moment of history.
    ///
    /// # Errors
    /// What the section returned; `Panicked`, `Busy`, `Database`.
    pub async fn read<T, F>(&self, section: F) -> Result<T, Error>
    where
        F: FnOnce(&Read<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.readers.read(section).await
    }
}
