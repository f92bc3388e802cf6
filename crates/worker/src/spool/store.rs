//! All that is in the spool, as the daemon knows it: indexed from the files, sent from the files.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Bound::{Excluded, Unbounded};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steading_wire::worker::{Attempt, BulkToMaster, Ending, LogKey, Micros, Report, RequestId};
use tokio::sync::{Notify, watch};

use super::log::{Due, Span, SpooledLog};
use super::record::{Begin, HEAD, Record, Records, Unreadable};
use super::step::StepFile;
use super::stream::Stream;
use crate::clock;
use crate::process::Finished;

/// How much of a file is read at once while it is indexed, in bytes.
const READ_BYTES: usize = 256 << 10;

/// The spool: the files below `spool/`, and what of them is sent. Public for the simulation.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    inner: Mutex<Inner>,
    /// There is something to send.
    news: Notify,
    /// A log is safe, or nobody wants it: an attempt may be gathered now.
    pub(crate) gone: Notify,
    links: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    steps: BTreeMap<(Attempt, i64), Step>,
    logs: BTreeMap<LogKey, SpooledLog>,
    /// Up to which step of an attempt logs may be sent: the master knows of no later one.
    sendable: BTreeMap<Attempt, i64>,
}

/// A file that is being read.
#[derive(Debug)]
struct Step {
    file: Arc<File>,
    /// Offset behind the last record that is known.
    read: u64,
    /// Logs that are safe with the master, unwanted, or given up: nothing more of them is sent.
    done: [bool; 2],
    /// A later step began: the report is not needed any more.
    superseded: bool,
}

/// An attempt that an earlier daemon held.
#[derive(Debug)]
pub struct Found {
    /// Its newest step.
    pub begin: Begin,
    /// How that ended, if it did.
    pub report: Option<Report>,
    /// How steps before it ended.
    pub earlier: BTreeMap<i64, Report>,
    /// The newest step that was asked for.
    pub asked: i64,
}

impl Spool {
    /// Opens the spool, and finds what an earlier daemon held.
    pub fn open(dir: PathBuf) -> io::Result<(Spool, Vec<Found>)> {
        let spool = Spool {
            dir,
            inner: Mutex::default(),
            news: Notify::new(),
            gone: Notify::new(),
            links: watch::channel(0).0,
        };
        let mut all: BTreeMap<Attempt, Found> = BTreeMap::new();
        for entry in fs_err::read_dir(&spool.dir)? {
            let path = entry?.path();
            match spool.find(&path) {
                Ok((begin, report)) => {
                    let found = Found { begin, report, earlier: BTreeMap::new(), asked: 0 };
                    let attempt = found.begin.attempt;
                    let joined = match all.remove(&attempt) {
                        Some(known) => known.join(found),
                        None => found.alone(),
                    };
                    all.insert(attempt, joined);
                }
                Err(error) => {
                    tracing::warn!("`{}` is removed from the spool: {error}", path.display());
                    fs_err::remove_file(path)?;
                }
            }
        }
        Ok((spool, all.into_values().collect()))
    }

    /// What a file of an earlier daemon is; its logs are sent from now on.
    fn find(&self, path: &Path) -> Result<(Begin, Option<Report>), Unreadable> {
        let key = path.file_name().and_then(|name| parse(name.to_str()?));
        let mut records = Records::open(BufReader::with_capacity(READ_BYTES, File::open(path)?))?;
        let first = records.next()?.ok_or(Unreadable::Cut)?;
        let (Some((attempt, number)), (.., Record::Begin(begin))) = (key, first) else {
            return Err(Unreadable::Version);
        };
        let report = self.index(attempt, number, u64::MAX)?;
        if report.is_some() {
            self.give_up_unclosed(attempt, number);
        }
        Ok((*begin, report))
    }

    /// Where a step of an attempt is.
    pub fn path(&self, attempt: Attempt, number: i64) -> PathBuf {
        let Attempt { request, epoch } = attempt;
        self.dir.join(format!("{request}-{epoch}-{number}"))
    }

    /// Writes down that an attempt was accepted.
    ///
    /// # Errors
    /// When the disk cannot take it.
    pub(crate) fn keep(&self, begin: Begin) -> io::Result<()> {
        StepFile::create(&self.path(begin.attempt, 0), begin, 0).map(drop)
    }

    /// Begins the file of a step, or goes on with one whose writer died.
    ///
    /// # Errors
    /// When the disk cannot take it.
    pub fn write(&self, begin: Begin, log_limit: u64) -> io::Result<StepFile> {
        let path = self.path(begin.attempt, begin.number());
        if !path.exists() {
            return StepFile::create(&path, begin, log_limit);
        }
        StepFile::resume(&path, log_limit).map_err(|error| match error {
            Unreadable::Io(error) => error,
            other => io::Error::other(other),
        })
    }

    /// Ends a step whose writer was lost: what was kept of its logs is made whole. One that had
    /// ended before keeps its own end.
    pub(crate) fn close_lost(&self, begin: Begin, ending: Ending, log_limit: u64) -> Report {
        let (attempt, number) = (begin.attempt, begin.number());
        if let Some(report) = self.report(attempt, number) {
            return report;
        }
        match self.write(begin, log_limit) {
            Ok(file) => {
                let finished = Finished { ending, exit: None };
                let (report, end) = file.finish(finished, clock::now());
                self.ended(attempt, number, end);
                report
            }
            Err(error) => {
                tracing::error!("the log of a lost step is lost too: {error}");
                Report { ending, exit: None, logs: Vec::new(), stderr_tail: String::new() }
            }
        }
    }

    /// A step's file has whole records up to this offset.
    pub(crate) fn grew(&self, attempt: Attempt, number: i64, end: u64) {
        if let Err(error) = self.index(attempt, number, end)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!("step {number} of {attempt} cannot be read from the spool: {error}");
        }
        self.news.notify_one();
    }

    /// A step ended: what is not whole now will never be.
    pub(crate) fn ended(&self, attempt: Attempt, number: i64, end: u64) {
        self.grew(attempt, number, end);
        self.give_up_unclosed(attempt, number);
    }

    /// How a step ended, when its writer died after writing it down.
    pub(crate) fn report(&self, attempt: Attempt, number: i64) -> Option<Report> {
        let file = File::open(self.path(attempt, number)).ok()?;
        let mut records = Records::open(BufReader::with_capacity(READ_BYTES, file)).ok()?;
        let mut report = None;
        while let Ok(Some((.., record))) = records.next() {
            if let Record::End { report: found } = record {
                report = Some(*found);
            }
        }
        if report.is_some() {
            self.ended(attempt, number, u64::MAX);
        }
        report
    }

    /// Reads what is new in a file; answers the report, when that is among it.
    fn index(&self, attempt: Attempt, number: i64, end: u64) -> io::Result<Option<Report>> {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let step = match inner.steps.entry((attempt, number)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let file = Arc::new(File::open(self.path(attempt, number))?);
                let read = HEAD.len() as u64;
                new.insert(Step { file, read, done: [false; 2], superseded: false })
            }
        };
        let file = Arc::clone(&step.file);
        let source = At { file: &file, at: step.read, end };
        // No larger than what is new: a buffer is filled with zeros first.
        let new = usize::try_from(end.saturating_sub(step.read)).unwrap_or(READ_BYTES);
        let source = BufReader::with_capacity(new.min(READ_BYTES), source);
        let mut records = Records::resume(source, step.read);
        let mut report = None;
        while let Some((at, length, record)) = records.next()? {
            step.read = records.end();
            match record {
                Record::Begin(_) => {}
                Record::Block { log, raw_offset, raw_len, .. } => {
                    let raw_end = raw_offset + u64::from(raw_len);
                    let span = Span { raw_offset, raw_end, at, length };
                    if let Some(log) = wanted(step, &mut inner.logs, attempt, number, &log) {
                        log.add(span);
                    }
                }
                Record::Close { log: name, trailer, bytes, lines, hash } => {
                    if let Some(log) = wanted(step, &mut inner.logs, attempt, number, &name) {
                        let key = LogKey { attempt, step: number, name };
                        log.close(BulkToMaster::Close { log: key, trailer, bytes, lines, hash });
                    }
                }
                Record::End { report: found } => report = Some(*found),
            }
        }
        Ok(report)
    }

    fn give_up_unclosed(&self, attempt: Attempt, number: i64) {
        let of_step = |key: &LogKey| key.attempt == attempt && key.step == number;
        let keys: Vec<LogKey> = {
            let inner = self.inner();
            let open = inner.logs.iter().filter(|(key, log)| of_step(key) && !log.is_closed());
            open.map(|(key, _)| key.clone()).collect()
        };
        keys.iter().for_each(|key| self.forget_log(key));
    }

    /// Offers raw bytes that came at `at` for whoever watches; answers how many were taken.
    pub(crate) fn offer_tail(&self, key: LogKey, raw_offset: u64, at: Micros, raw: &[u8]) -> usize {
        let mut inner = self.inner();
        let Inner { steps, logs, .. } = &mut *inner;
        let is_done =
            |step: &Step| Stream::named(&key.name).is_none_or(|stream| step.done[stream as usize]);
        if steps.get(&(key.attempt, key.step)).is_some_and(is_done) {
            return raw.len();
        }
        let log = logs.entry(key.clone()).or_insert_with(|| SpooledLog::new(key));
        let taken = log.offer_tail(raw_offset, at, raw);
        drop(inner);
        self.news.notify_one();
        taken
    }

    /// Whether an attempt has bytes that are not safe yet.
    pub fn holds(&self, attempt: Attempt) -> bool {
        self.inner().logs.keys().any(|key| key.attempt == attempt)
    }

    /// Whether no log has bytes that are not safe yet.
    pub fn is_empty(&self) -> bool {
        self.inner().logs.is_empty()
    }

    /// Waits until there is a log with bytes that are not safe yet.
    pub(crate) async fn has_logs(&self) {
        while self.is_empty() {
            self.news.notified().await;
        }
    }

    /// The next thing to send, round robin over the logs: `after` is the log served last.
    pub(crate) async fn next(&self, after: &mut Option<LogKey>) -> (LogKey, Due) {
        loop {
            let news = self.news.notified();
            if let Some(found) = self.due(after) {
                return found;
            }
            news.await;
        }
    }

    /// What there is to send now, if anything; counted as sent.
    pub fn due(&self, after: &mut Option<LogKey>) -> Option<(LogKey, Due)> {
        let mut inner = self.inner();
        let first = after.as_ref().map_or(Unbounded, |key| Excluded(key.clone()));
        let Inner { logs, sendable, .. } = &mut *inner;
        let may = |key: &LogKey| sendable.get(&key.attempt).is_some_and(|last| key.step <= *last);
        let due = |(key, log): (&LogKey, &mut SpooledLog)| {
            may(key).then(|| log.next()).flatten().map(|due| (key.clone(), due))
        };
        let later = logs.range_mut((first, Unbounded)).find_map(due);
        let found = later.or_else(|| logs.iter_mut().find_map(due))?;
        *after = Some(found.0.clone());
        Some(found)
    }

    /// Reads a block from its file.
    ///
    /// # Errors
    /// When the disk cannot give it back.
    pub fn read(&self, log: LogKey, span: Span) -> io::Result<BulkToMaster> {
        let step = self.inner().steps.get(&(log.attempt, log.step)).map(|s| Arc::clone(&s.file));
        let file = step.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let source = At { file: &file, at: span.at, end: span.at + u64::from(span.length) };
        match Records::resume(source, span.at).next()? {
            Some((.., Record::Block { raw_offset, encoded, .. })) => {
                Ok(BulkToMaster::Block { log, raw_offset, encoded })
            }
            _ => Err(io::Error::other("it is not what was written")),
        }
    }

    /// The master has everything of a log below `next`; false when that is not what was sent.
    pub fn stored(&self, key: &LogKey, next: u64) -> bool {
        let stored = self.inner().logs.get_mut(key).is_none_or(|log| log.acknowledge(next));
        self.news.notify_one();
        stored
    }

    /// A log is safe, or unwanted, or given up: nothing more of it is sent.
    pub fn forget_log(&self, key: &LogKey) {
        let mut inner = self.inner();
        let known = inner.logs.remove(key).is_some();
        let stream = Stream::named(&key.name);
        let step = inner.steps.get_mut(&(key.attempt, key.step));
        if let (Some(step), Some(stream)) = (step, stream) {
            step.done[stream as usize] = true;
        }
        drop(inner);
        if known {
            self.tidy(key.attempt);
            self.gone.notify_one();
        }
    }

    /// The master knows of an attempt's steps up to this one: their logs may be sent, and of those
    /// before it nothing else is needed.
    pub(crate) fn send(&self, attempt: Attempt, number: i64) {
        let mut inner = self.inner();
        inner.sendable.insert(attempt, number);
        // The newest file stays: it says that the attempt is held.
        let newest = inner.steps.range((attempt, i64::MIN)..=(attempt, i64::MAX)).next_back();
        let number = newest.map_or(number, |((_, newest), _)| number.min(*newest));
        inner
            .steps
            .range_mut((attempt, i64::MIN)..(attempt, number))
            .for_each(|(_, step)| step.superseded = true);
        drop(inner);
        self.tidy(attempt);
        self.news.notify_one();
    }

    /// Removes the files of an attempt that nobody needs any more.
    fn tidy(&self, attempt: Attempt) {
        let mut inner = self.inner();
        let Inner { steps, logs, .. } = &mut *inner;
        let is_sent =
            |number: i64| !logs.keys().any(|key| key.attempt == attempt && key.step == number);
        let of_attempt = steps.range((attempt, i64::MIN)..=(attempt, i64::MAX));
        let idle: Vec<i64> = of_attempt
            .filter(|((_, number), step)| step.superseded && is_sent(*number))
            .map(|((_, number), _)| *number)
            .collect();
        for number in idle {
            steps.remove(&(attempt, number));
            remove(&self.path(attempt, number));
        }
    }

    /// Everything of an attempt goes.
    pub(crate) fn forget(&self, attempt: Attempt) {
        let mut inner = self.inner();
        inner.steps.retain(|(of, _), _| *of != attempt);
        inner.logs.retain(|key, _| key.attempt != attempt);
        inner.sendable.remove(&attempt);
        drop(inner);
        // Also what a shepherd wrote that nobody has read yet.
        for entry in fs_err::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(parse).is_some_and(|(of, _)| of == attempt) {
                remove(&entry.path());
            }
        }
        self.gone.notify_one();
    }

    /// A new link begins: all that is not acknowledged is sent again, and tails anew.
    pub fn begin_link(&self) {
        self.inner().logs.values_mut().for_each(SpooledLog::rewind);
        self.links.send_modify(|n| *n += 1);
        self.news.notify_one();
    }

    /// Counts the links there were; tells when a new one begins.
    pub(crate) fn links(&self) -> watch::Receiver<u64> {
        self.links.subscribe()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// The first one that is found of an attempt.
    fn alone(mut self) -> Found {
        self.asked = self.asked_for();
        self
    }

    /// Two steps of an attempt, in any order.
    fn join(self, other: Found) -> Found {
        let (mut newer, older) = match self.begin.number() > other.begin.number() {
            true => (self, other),
            false => (other, self),
        };
        newer.asked = newer.asked.max(older.asked).max(newer.asked_for()).max(older.asked_for());
        newer.earlier.extend(older.earlier);
        newer.earlier.extend(older.report.map(|report| (older.begin.number(), report)));
        newer
    }

    fn asked_for(&self) -> i64 {
        let step = self.begin.step.as_ref().filter(|step| !step.ahead);
        step.map_or(0, |step| step.number)
    }
}

/// The log of that name, unless nothing more of it is sent.
fn wanted<'a>(
    step: &Step,
    logs: &'a mut BTreeMap<LogKey, SpooledLog>,
    attempt: Attempt,
    number: i64,
    name: &str,
) -> Option<&'a mut SpooledLog> {
    let stream = Stream::named(name).filter(|stream| !step.done[*stream as usize])?;
    let key = LogKey { attempt, step: number, name: stream.name().to_owned() };
    Some(logs.entry(key.clone()).or_insert_with(|| SpooledLog::new(key)))
}

fn remove(path: &Path) {
    if let Err(error) = fs_err::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("a spooled file stays on disk: {error}");
    }
}

/// The attempt and step a file's name means.
fn parse(name: &str) -> Option<(Attempt, i64)> {
    let mut parts = name.split('-').map(|part| part.parse::<i64>().ok());
    let (request, epoch, number) = (parts.next()??, parts.next()??, parts.next()??);
    let attempt = Attempt { request: RequestId(request), epoch };
    parts.next().is_none().then_some((attempt, number))
}

/// A part of a file, read without moving anything others share.
struct At<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use steading_wire::worker::{BuildId, ClaimId, Ending, Primitive};

    use super::super::record::{StepBegin, encode};
    use super::*;

    const ONE: Attempt = Attempt { request: RequestId(1), epoch: 2 };

    fn begin(number: i64, ahead: bool) -> Begin {
        let primitive = Primitive::Upload { paths: vec![] };
        let step = StepBegin { build: BuildId(1), number, primitive, then: vec![], ahead };
        let (claim, builder, boot) = (ClaimId(1), "hello".to_owned(), "now".to_owned());
        let step = Some(step).filter(|_| number > 0);
        Begin { attempt: ONE, claim, builder, slot: 1, boot, step }
    }

    fn write(spool: &Spool, number: i64, ahead: bool, ended: bool) {
        let path = spool.path(ONE, number);
        let mut step = StepFile::create(&path, begin(number, ahead), 1 << 20).unwrap();
        step.write(Stream::Out, Micros(1), b"hi\n").unwrap();
        if ended {
            let ending = Ending::Exited { code: i32::try_from(number).unwrap() };
            step.finish(Finished { ending, exit: None }, Micros(2));
        }
    }

    fn files(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What would be sent now, one after the other: the step and whether it is a block.
    fn sent(spool: &Spool) -> Vec<(i64, bool)> {
        let mut after = None;
        std::iter::from_fn(|| {
            let (key, due) = spool.due(&mut after)?;
            Some((key.step, matches!(due, Due::Block(_))))
        })
        .collect()
    }

    #[test]
    fn what_an_earlier_daemon_held_is_found_and_sent_again() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, found) = Spool::open(dir.path().to_owned()).unwrap();
        assert!(found.is_empty());
        spool.keep(begin(0, false)).unwrap();
        write(&spool, 1, false, true);
        write(&spool, 2, true, true);
        write(&spool, 3, true, false);
        let (spool, found) = Spool::open(dir.path().to_owned()).unwrap();
        let [found] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&found.begin, found.asked), (&begin(3, true), 1));
        assert!(found.report.is_none());
        assert_eq!(found.earlier.keys().copied().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(sent(&spool), [], "the master knows of none of them yet");
        spool.send(ONE, 1);
        assert_eq!(sent(&spool), [(1, true), (1, false)]);
        spool.send(ONE, 2);
        assert_eq!(sent(&spool), [(2, true), (2, false)]);
        let key = |step: i64| LogKey { attempt: ONE, step, name: "stdout".to_owned() };
        spool.forget_log(&key(1));
        assert_eq!(files(dir.path()), ["1-2-2", "1-2-3"], "what nobody needs any more is gone");
        assert!(spool.holds(ONE));
        spool.forget(ONE);
        assert!(files(dir.path()).is_empty() && !spool.holds(ONE));
    }

    #[test]
    fn what_cannot_be_read_is_not_held() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes);
        write("1-1-1", b"steading spool 2\nwhatever").unwrap();
        write("2-1-0", b"").unwrap();
        write("3-1-0-stdout", HEAD).unwrap();
        let torn = [&HEAD[..], &encode(&Record::Begin(Box::new(begin(0, false))))[..20]].concat();
        write("4-1-0", &torn).unwrap();
        let (_, found) = Spool::open(dir.path().to_owned()).unwrap();
        assert!(found.is_empty());
        assert!(files(dir.path()).is_empty());
    }
}
