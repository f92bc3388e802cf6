//! The store: hands out sections, keeps their threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use steading_core::words::{Micros, Seq};
use tokio::sync::{mpsc, oneshot};

use super::readers::Readers;
use super::writer::{Message, Section, Writer};
use super::{Read, Run, Stats, Write, files};
use crate::{Error, Follow, Followed, OpenError, migrations};

/// Sections that may wait for the writer.
const QUEUE_MAX: usize = 1024;
/// How long a caller waits for room in a full queue.
pub(super) const QUEUE_WAIT_S: u64 = 30;

/// Tells the time. Given by the store's owner, so that tests set it.
pub type Clock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// The data directory.
    pub data: PathBuf,
    /// Run every write section twice, the first undone, so that "may be re-run" is true.
    pub rehearse: bool,
    /// Tells the time.
    pub clock: Clock,
    /// Where sections run.
    pub run: Run,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Options { data, rehearse, run, clock: _ } = self;
        f.debug_struct("Options")
            .field("data", data)
            .field("rehearse", rehearse)
            .field("run", run)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The store of a data directory; sections are rehearsed in debug builds.
    pub fn new(
        data: impl Into<PathBuf>,
        clock: impl Fn() -> Micros + Send + Sync + 'static,
    ) -> Options {
        let rehearse = cfg!(debug_assertions);
        Options { data: data.into(), rehearse, clock: Arc::new(clock), run: Run::Threads }
    }
}

/// History. Cheap to clone; dropping the last clone waits for the sections already queued.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("file", &self.inner.file).finish_non_exhaustive()
    }
}

struct Inner {
    file: PathBuf,
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    readers: Readers,
    seq: Follow<Seq>,
    stats: Arc<Mutex<Stats>>,
}

impl Store {
    /// Opens the history of a data directory, creating or migrating it (after a backup) as needed,
    /// and holds the directory's lock file until dropped or closed.
    ///
    /// # Errors
    /// When another process holds the directory, a newer version wrote it, a migration fails, or
    /// the files cannot be opened.
    pub fn open(options: Options) -> Result<Store, OpenError> {
        let lock = files::own(&options.data)?;
        let file = options.data.join(files::DATABASE);
        let mut conn = files::open_writer(&file)?;
        migrations::migrate(&mut conn, &file, migrations::ALL, (options.clock)())?;
        let newest =
            crate::reads::newest_seq_of(&conn).map_err(|error| files::database(&file, &error))?;
        let publish = Followed::new(Seq(newest));
        let seq = publish.follow();
        let stats = Arc::new(Mutex::new(Stats::default()));
        let readers = Readers::start(&file, &options.clock, &options.run)?;
        let (queue, sections) = mpsc::channel(QUEUE_MAX);
        let Options { rehearse, clock, run, data: _ } = options;
        let stats_too = Arc::clone(&stats);
        let writer = Writer {
            conn,
            file: file.clone(),
            clock,
            rehearse,
            seq: newest,
            publish,
            stats: stats_too,
            hook: None,
            _lock: lock,
        };
        let thread = start(writer, sections, run)?;
        let queue = Some(queue);
        Ok(Store { inner: Arc::new(Inner { file, queue, thread, readers, seq, stats }) })
    }

    /// Runs a write section: `section` is called with the write handle, possibly more than once,
    /// and its result returned after the commit. Whatever it did is undone when it fails or panics.
    /// Dropping the returned future does not take a queued section back.
    ///
    /// # Errors
    /// What the section returned; `Panicked`, `Busy`, `Closed`, `DiskFull`, `Database`.
    pub async fn write<T, F>(&self, name: &'static str, section: F) -> Result<T, Error>
    where
        F: FnMut(&mut Write<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (section, answer) = Section::new(name, section);
        let queue = self.inner.queue.as_ref().ok_or(Error::Closed)?;
        enqueue(queue, Message::Section(Box::new(section))).await?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Runs a read section: one consistent moment of history.
    ///
    /// # Errors
    /// What the section returned; `Panicked`, `Busy`, `Closed`, `Database`.
    pub async fn read<T, F>(&self, section: F) -> Result<T, Error>
    where
        F: FnOnce(&Read<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.inner.readers.read(section).await
    }

    /// A read section that looks up a few rows by their keys. It runs where it is asked for:
    /// handing it to a thread and waiting for its turn would cost more than it does. Whatever may
    /// take longer than that is for `read`.
    ///
    /// # Errors
    /// As `read`, without the queue's.
    pub async fn glance<T, F>(&self, section: F) -> Result<T, Error>
    where
        F: FnOnce(&Read<'_>) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.inner.readers.glance(section).await
    }

    /// The newest committed event; changes only after a commit.
    #[must_use]
    pub fn seq(&self) -> Follow<Seq> {
        self.inner.seq.clone()
    }

    /// How many transactions were committed so far. As long as that stays, every read sees the
    /// same; what depends on the time may differ.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.inner.stats.lock().unwrap_or_else(PoisonError::into_inner).commits
    }

    /// What the writer did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends writing: what is queued is committed, the database checkpointed, the lock released.
    /// Later writes, through any clone, get `Closed`; reads go on.
    ///
    /// # Errors
    /// `Busy` when the queue stays full.
    pub async fn close(&self) -> Result<(), Error> {
        let Some(queue) = &self.inner.queue else { return Ok(()) };
        let (done, closed) = oneshot::channel();
        match enqueue(queue, Message::Close(done)).await {
            Err(Error::Closed) => return Ok(()),
            other => other?,
        }
        let _ = closed.await;
        Ok(())
    }
}

/// Begins to write; gives the thread, if it is one.
fn start(
    mut writer: Writer,
    sections: mpsc::Receiver<Message>,
    run: Run,
) -> std::io::Result<Option<JoinHandle<()>>> {
    match run {
        Run::Threads => {
            let thread = std::thread::Builder::new().name("store-writer".to_owned());
            thread.spawn(move || writer.run(sections)).map(Some)
        }
        Run::Inline(hook) => {
            writer.hook = Some(hook.clone());
            tokio::spawn(writer.run_inline(sections, hook));
            Ok(None)
        }
    }
}

/// Sends into a bounded queue, waiting for room up to the deadline.
pub(super) async fn enqueue<T>(queue: &mpsc::Sender<T>, message: T) -> Result<(), Error> {
    use mpsc::error::{SendTimeoutError, TrySendError};
    let message = match queue.try_send(message) {
        Ok(()) => return Ok(()),
        Err(TrySendError::Closed(_)) => return Err(Error::Closed),
        Err(TrySendError::Full(message)) => message,
    };
    let wait = std::time::Duration::from_secs(QUEUE_WAIT_S);
    queue.send_timeout(message, wait).await.map_err(|error| match error {
        SendTimeoutError::Timeout(_) => Error::Busy { seconds: QUEUE_WAIT_S },
        SendTimeoutError::Closed(_) => Error::Closed,
    })
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return };
        // A section could own the last clone: the writer must not wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}
