//! The archive itself, and what it keeps in memory of each log that is being written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_err::{self as fs, File};
use steading_core::words::{LogId, Micros};
use steading_frames::{Damage, Ledger, Packer, Reader, Summary};
use tokio::sync::watch;

use super::Error;
use super::live::{Extent, Live};
use super::paths::Paths;
use super::syncer::{Syncer, sync_directory};
use crate::off_thread;

/// The bytes of a farm. Clones share one archive; a data directory has one at a time.
#[derive(Clone)]
pub struct Archive {
    pub(super) inner: Arc<Inner>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Archive")
    }
}

pub(super) struct Inner {
    pub(super) paths: Paths,
    pub(super) syncer: Syncer,
    open: Mutex<BTreeMap<LogId, Arc<OpenLog>>>,
}

/// A log that may still grow. Two locks, so that the live tail never waits for the disk.
pub(super) struct OpenLog {
    pub(super) id: LogId,
    pub(super) path: PathBuf,
    /// None until first used, and again after a failure: then the file is read anew.
    pub(super) state: Mutex<Option<State>>,
    live: Mutex<Live>,
    /// Raw bytes that can be read; only ever grows.
    length: watch::Sender<u64>,
}

/// What is known of a log's file.
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) packer: Packer,
    /// Where the file goes on.
    pub(super) extent: Extent,
    /// Of a closed log.
    pub(super) closed: Option<Summary>,
    /// The generation of `Live` this was loaded in.
    pub(super) generation: u64,
}

impl Archive {
    /// Opens the archive of a data directory, making its directories and removing what writers of
    /// artifacts left behind. Logs are looked at when first used.
    ///
    /// # Errors
    /// When the directories cannot be made or cleared.
    pub fn open(data: &Path) -> Result<Archive, Error> {
        Archive::with_syncer(data, Syncer::start()?)
    }

    /// The same without a thread: files are made durable where that is asked for. For simulations.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_inline(data: &Path) -> Result<Archive, Error> {
        Archive::with_syncer(data, Syncer::Inline)
    }

    fn with_syncer(data: &Path, syncer: Syncer) -> Result<Archive, Error> {
        let paths = Paths::of(data);
        fs::create_dir_all(&paths.logs)?;
        if paths.incoming().exists() {
            fs::remove_dir_all(paths.incoming())?;
        }
        fs::create_dir_all(paths.incoming())?;
        for directory in [&paths.logs, &paths.artifacts] {
            sync_directory(directory)?;
            sync_directory(directory.parent().unwrap_or(data))?;
        }
        sync_directory(data)?;
        let inner = Inner { paths, syncer, open: Mutex::default() };
        Ok(Archive { inner: Arc::new(inner) })
    }

    /// Takes raw bytes of a log that are not in a block yet, for those who watch; `at` is when they
    /// were printed or came. Only memory, never waits, at most 512 KiB a log: older ones are seen
    /// once their block is stored.
    pub fn tail(&self, log: LogId, raw_offset: u64, at: Micros, bytes: &[u8]) {
        let open = self.open_log(log);
        lock(&open.live).push_tail(raw_offset, at.0, bytes);
        open.publish();
    }

    /// Watches how many raw bytes of a log can be read, the live tail included. The number only
    /// grows; the sender is gone once the log is closed.
    ///
    /// # Errors
    /// When the log's file cannot be read.
    pub async fn watch(&self, log: LogId) -> Result<watch::Receiver<u64>, Error> {
        let this = self.clone();
        blocking(move || {
            let open = this.open_log(log);
            let closed = open.with_state(|state| Ok(state.closed.clone()))?;
            this.forget_if(closed.is_some(), &open);
            match closed {
                Some(summary) => Ok(watch::channel(summary.bytes).1),
                None => Ok(open.length.subscribe()),
            }
        })
        .await
    }

    /// The raw offset up to which a log is durable: what its worker sends next, also after a
    /// restart. A write that was cut off is removed from the file first.
    ///
    /// # Errors
    /// When the log's file cannot be read or repaired.
    pub async fn next_offset(&self, log: LogId) -> Result<u64, Error> {
        let this = self.clone();
        blocking(move || {
            let open = this.open_log(log);
            let closed = open.with_state(|state| Ok(state.closed.is_some()))?;
            this.forget_if(closed, &open);
            let durable = lock(&open.live).durable.raw;
            Ok(durable)
        })
        .await
    }

    /// How many files and directories were made durable for logs since the archive was opened.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.inner.syncer.syncs()
    }

    /// History says that a log is closed as empty: whoever began to watch it since it was closed
    /// here sees the sender gone, as the others did.
    pub fn closed_empty(&self, log: LogId) {
        if let Some(open) = self.known_log(log) {
            self.forget_if(true, &open);
        }
    }

    /// What is in memory of a log, taken up if it is not.
    pub(super) fn open_log(&self, log: LogId) -> Arc<OpenLog> {
        let fresh = || Arc::new(OpenLog::new(log, self.inner.paths.log(log)));
        lock(&self.inner.open).entry(log).or_insert_with(fresh).clone()
    }

    /// What is in memory of a log, if anything.
    pub(super) fn known_log(&self, log: LogId) -> Option<Arc<OpenLog>> {
        lock(&self.inner.open).get(&log).cloned()
    }

    /// Forgets a log that is closed and durable; those who watch it see the sender gone.
    pub(super) fn forget_if(&self, closed: bool, log: &Arc<OpenLog>) {
        let mut open = lock(&self.inner.open);
        if closed && open.get(&log.id).is_some_and(|known| Arc::ptr_eq(known, log)) {
            open.remove(&log.id);
        }
    }
}

impl OpenLog {
    fn new(id: LogId, path: PathBuf) -> OpenLog {
        let (state, live) = (Mutex::default(), Mutex::default());
        OpenLog { id, path, state, live, length: watch::Sender::new(0) }
    }

    /// Runs `work` on the state of the file. After an error of the disk the state is unknown, so it
    /// is dropped on any error that is not a refusal, and on a panic; the next use reads the file.
    pub(super) fn with_state<T>(
        &self,
        work: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut slot = lock(&self.state);
        let trusted = slot.take().filter(|_| !lock(&self.live).failed);
        let mut state = trusted.map_or_else(|| self.load(), Ok)?;
        let result = work(&mut state);
        if !matches!(result, Err(Error::Io(_) | Error::DiskFull(_) | Error::Stopped(_))) {
            *slot = Some(state);
        }
        result
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }

    /// Tells those who watch how far they can read now.
    pub(super) fn publish(&self) {
        let visible = lock(&self.live).visible();
        self.length.send_if_modified(|length| {
            let grown = visible > *length;
            *length = visible.max(*length);
            grown
        });
    }

    /// Reads the file: what is sound stays and is durable afterwards, a torn end is cut off.
    fn load(&self) -> Result<State, Error> {
        let state = match fs::OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => self.load_file(&file)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => State::empty(),
            Err(e) => return Err(e.into()),
        };
        let mut live = lock(&self.live);
        live.reloaded(state.extent);
        let generation = live.generation;
        drop(live);
        self.publish();
        Ok(State { generation, ..state })
    }

    fn load_file(&self, file: &File) -> Result<State, Error> {
        let distrusted = Some(self.live()).filter(|live| live.failed).map(|live| live.durable);
        if let Some(durable) = distrusted {
            file.set_len(durable.file)?;
        }
        let state = self.examine(file)?;
        let length = file.metadata()?.len();
        if length > state.extent.file {
            let (log, kept) = (self.id, state.extent.raw);
            let path = self.path.display();
            let cut = length - state.extent.file;
            tracing::warn!(%log, %path, kept, cut, "cut off a torn end");
            file.set_len(state.extent.file)?;
        }
        file.sync_all()?;
        for directory in self.path.ancestors().skip(1).take(3) {
            sync_directory(directory)?;
        }
        Ok(state)
    }

    fn examine(&self, file: &File) -> Result<State, Error> {
        let mut reader = Reader::open(file).map_err(|damage| self.damaged(damage))?;
        if let Some(summary) = reader.closed().cloned() {
            let raw = summary.bytes;
            let extent = Extent { raw, file: file.metadata()?.len() };
            return Ok(State { extent, closed: Some(summary), ..State::empty() });
        }
        let (ledger, damage) = reader.audit();
        if let Some(damage @ (Damage::Io(_) | Damage::Version { .. })) = damage {
            return Err(self.damaged(damage));
        }
        let extent = Extent { raw: ledger.raw_len(), file: ledger.table().file_len() };
        Ok(State { ledger, extent, ..State::empty() })
    }

    /// An error about the stored bytes.
    pub(super) fn damaged(&self, damage: Damage) -> Error {
        damaged(self.id, &self.path, damage)
    }
}

impl State {
    fn empty() -> State {
        State {
            ledger: Ledger::new(),
            packer: Packer::new(),
            extent: Extent::default(),
            closed: None,
            generation: 0,
        }
    }
}

/// An error about the stored bytes of a log; a failing disk stays a failing disk.
pub(super) fn damaged(log: LogId, path: &Path, damage: Damage) -> Error {
    match damage {
        Damage::Io(error) => error.into(),
        damage => Error::Damaged { log, path: path.display().to_string(), damage },
    }
}

/// Runs blocking work beside the async threads; a panic in it is the caller's.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match off_thread(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Stopped("the runtime is going down")),
        },
    }
}

/// A lock whose content is whole between any two statements, so that a panic elsewhere is no harm.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
