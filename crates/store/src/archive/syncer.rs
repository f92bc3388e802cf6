//! The syncer: one thread that makes files durable, all those written since it last looked at once.
//! It never lingers: a group is whatever came while the one before was under way.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use fs_err::File;

use super::Error;

/// Files waiting to be made durable; further writers wait for a place.
const QUEUE_MAX: usize = 1024;

/// One file to be made durable, and who is told. The answer is shared by a whole group, so the
/// error comes as a fresh copy each.
pub(super) struct Job {
    pub(super) file: File,
    /// Directories whose entries must be durable too, for a file just created.
    pub(super) directories: Vec<PathBuf>,
    pub(super) done: Box<dyn FnOnce(io::Result<()>) + Send>,
}

/// Makes files durable.
#[derive(Clone)]
pub(super) enum Syncer {
    /// On the thread, which ends with the last of these and counts what it makes durable.
    Thread(SyncSender<Job>, Arc<AtomicU64>),
    /// Where it is asked for.
    Inline,
}

impl Syncer {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Syncer> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let syncs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&syncs);
        let thread = std::thread::Builder::new().name("archive-sync".into());
        thread.spawn(move || run(&receiver, &counted))?;
        Ok(Syncer::Thread(sender, syncs))
    }

    /// How many files and directories the thread made durable so far.
    pub(super) fn syncs(&self) -> u64 {
        match self {
            Syncer::Thread(_, syncs) => syncs.load(Ordering::Relaxed),
            Syncer::Inline => 0,
        }
    }

    /// Queues a job; waits while the queue is full.
    pub(super) fn submit(&self, job: Job) -> Result<(), Error> {
        match self {
            Syncer::Thread(queue, _) => {
                queue.send(job).map_err(|_| Error::Stopped("its syncer has ended"))
            }
            Syncer::Inline => {
                settle(vec![job]);
                Ok(())
            }
        }
    }
}

fn run(receiver: &Receiver<Job>, syncs: &AtomicU64) {
    while let Ok(first) = receiver.recv() {
        let mut group = vec![first];
        group.extend(receiver.try_iter().take(QUEUE_MAX));
        syncs.fetch_add(settle(group), Ordering::Relaxed);
    }
}

/// One fsync per file and per directory, however often each was written; then every answer. Says
/// how many that were.
fn settle(group: Vec<Job>) -> u64 {
    let mut files: BTreeMap<PathBuf, io::Result<()>> = BTreeMap::new();
    let mut directories = BTreeSet::new();
    for job in &group {
        directories.extend(job.directories.iter().cloned());
        let path = job.file.path();
        if !files.contains_key(path) {
            files.insert(path.to_owned(), job.file.sync_data());
        }
    }
    let directories: BTreeMap<PathBuf, io::Result<()>> =
        directories.into_iter().map(|path| (path.clone(), sync_directory(&path))).collect();
    let syncs = files.len() + directories.len();
    for job in group {
        let mut parts = vec![&files[job.file.path()]];
        parts.extend(job.directories.iter().map(|path| &directories[path]));
        let failed = parts.into_iter().find_map(|part| part.as_ref().err());
        (job.done)(failed.map_or(Ok(()), |e| Err(io::Error::new(e.kind(), e.to_string()))));
    }
    syncs as u64
}

/// Makes the entries of a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
