//! All logs that are not yet safe with the master.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steading_wire::worker::{Attempt, LogKey};
use tokio::sync::{Notify, watch};

use super::log::{Due, SpooledLog};

type Logs = BTreeMap<LogKey, Arc<SpooledLog>>;

/// The spool: files below `spool/`, and what of them is sent.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    logs: Mutex<Logs>,
    /// There is something to send.
    news: Arc<Notify>,
    /// A log is safe, or nobody wants it: an attempt may be gathered now.
    pub(crate) gone: Notify,
    links: watch::Sender<u64>,
}

impl Spool {
    /// Opens the spool, empty: what an earlier worker left belongs to builds that died with it.
    pub(crate) fn open(dir: PathBuf) -> io::Result<Spool> {
        for entry in fs_err::read_dir(&dir)? {
            fs_err::remove_file(entry?.path())?;
        }
        Ok(Spool {
            dir,
            logs: Mutex::default(),
            news: Arc::new(Notify::new()),
            gone: Notify::new(),
            links: watch::channel(0).0,
        })
    }

    /// Begins a log.
    pub(crate) fn create(&self, key: LogKey) -> io::Result<Arc<SpooledLog>> {
        let Attempt { request, epoch } = key.attempt;
        let path = self.dir.join(format!("{request}-{epoch}-{}-{}", key.step, key.name));
        let log = Arc::new(SpooledLog::create(key.clone(), path, Arc::clone(&self.news))?);
        self.logs().insert(key, Arc::clone(&log));
        Ok(log)
    }

    /// Whether an attempt has bytes that are not safe yet.
    pub(crate) fn holds(&self, attempt: Attempt) -> bool {
        self.logs().keys().any(|key| key.attempt == attempt)
    }

    /// The next thing to send, round robin over the logs: `after` is the log served last.
    pub(crate) async fn next(&self, after: &mut Option<LogKey>) -> (Arc<SpooledLog>, Due) {
        loop {
            let news = self.news.notified();
            if let Some((key, log, due)) = self.look(after.as_ref()) {
                *after = Some(key);
                return (log, due);
            }
            news.await;
        }
    }

    fn look(&self, after: Option<&LogKey>) -> Option<(LogKey, Arc<SpooledLog>, Due)> {
        let logs = self.logs();
        let first = after.map_or(Unbounded, Excluded);
        let order = logs.range((first, Unbounded)).chain(logs.iter());
        order.into_iter().find_map(|(key, log)| Some((key.clone(), Arc::clone(log), log.next()?)))
    }

    /// The master has everything of a log below `next`; false when that is not what was sent.
    pub(crate) fn stored(&self, key: &LogKey, next: u64) -> bool {
        let log = self.logs().get(key).cloned();
        log.is_none_or(|log| log.acknowledge(next))
    }

    /// A log is safe, or unwanted, or given up: its file goes.
    pub(crate) fn forget_log(&self, key: &LogKey) {
        let log = self.logs().remove(key);
        if let Some(log) = log {
            log.discard();
            self.gone.notify_one();
        }
    }

    /// Everything of an attempt goes.
    pub(crate) fn forget(&self, attempt: Attempt) {
        let keys: Vec<LogKey> =
            self.logs().keys().filter(|key| key.attempt == attempt).cloned().collect();
        keys.iter().for_each(|key| self.forget_log(key));
    }

    /// A new link begins: all that is not acknowledged is sent again, and tails anew.
    pub(crate) fn begin_link(&self) {
        self.logs().values().for_each(|log| log.rewind());
        self.links.send_modify(|n| *n += 1);
        self.news.notify_one();
    }

    /// Counts the links there were; tells when a new one begins.
    pub(crate) fn links(&self) -> watch::Receiver<u64> {
        self.links.subscribe()
    }

    /// Forgets the logs of a step that broke: nobody will close them.
    pub(crate) fn forget_step(&self, attempt: Attempt, step: i64) {
        let of_step = |key: &&LogKey| key.attempt == attempt && key.step == step;
        let keys: Vec<LogKey> = self.logs().keys().filter(of_step).cloned().collect();
        keys.iter().for_each(|key| self.forget_log(key));
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
