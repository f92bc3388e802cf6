//! Reading logs: bytes, lines, searches; open ones with their live tail. All of it blocks on the
//! disk and is bounded by the limits of `frames`: callers run it in `spawn_blocking`.

use std::io::{self, Read, Seek};
use std::ops::Range;

use fs_err::File;
use steading_core::words::LogId;
use steading_frames::{Damage, Found, LINES_LISTED_MAX, Line, Order, Reader, Search, Summary};

use super::Error;
use super::log::{Archive, damaged};

/// What checking a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Bytes, lines and hash, computed from what is stored.
    pub summary: Summary,
    /// Whether it is closed; then the trailer says the same.
    pub closed: bool,
}

trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

type LogReader = Reader<Box<dyn Source>>;

impl Archive {
    /// Raw bytes of a log, as far as they exist, at most 4 MiB from the start of `range`: ask again
    /// from where the answer ends. A log nothing was stored of is empty.
    ///
    /// # Errors
    /// When the file cannot be read or a block touched is damaged.
    pub fn log_bytes(&self, log: LogId, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.reading(log, |reader| reader.bytes(range))
    }

    /// Up to `count` lines from number `first` on, counted from 1; fewer at the end or at a limit:
    /// ask again from the number after the last.
    ///
    /// # Errors
    /// When the file cannot be read or a block touched is damaged.
    pub fn log_lines(&self, log: LogId, first: u64, count: usize) -> Result<Vec<Line>, Error> {
        self.reading(log, |reader| reader.lines(first, count))
    }

    /// The last `count` lines, in the order of the log; where a limit is reached, the newest.
    ///
    /// # Errors
    /// When the file cannot be read or a block touched is damaged.
    pub fn tail_lines(&self, log: LogId, count: usize) -> Result<Vec<Line>, Error> {
        let limit = count.min(LINES_LISTED_MAX);
        let search =
            Search { order: Order::NewestFirst, from: None, limit, scan_max_bytes: u64::MAX };
        let mut lines = self.grep(log, search, |_| true)?.lines;
        lines.reverse();
        Ok(lines)
    }

    /// Searches a log with the caller's predicate over its lines.
    ///
    /// # Errors
    /// When the file cannot be read or a block touched is damaged.
    pub fn grep(
        &self,
        log: LogId,
        search: Search,
        predicate: impl FnMut(&[u8]) -> bool,
    ) -> Result<Found, Error> {
        self.reading(log, |reader| reader.grep(search, predicate))
    }

    /// Raw bytes and lines of a log that can be read now, the live tail included.
    ///
    /// # Errors
    /// When the file cannot be read or its structure is damaged.
    pub fn log_size(&self, log: LogId) -> Result<(u64, u64), Error> {
        self.reading(log, |reader| Ok((reader.raw_len(), reader.line_count())))
    }

    /// Decodes all that is stored of a log and compares it with its index, trailer and hash.
    ///
    /// # Errors
    /// `NoLog` when nothing is stored, `Damaged` with the first damage found.
    pub fn verify_log(&self, log: LogId) -> Result<Verified, Error> {
        let path = self.inner.paths.log(log);
        let file = match File::open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::NoLog(log)),
            other => other?,
        };
        let verify = || {
            let mut reader = Reader::open(&file)?;
            let closed = reader.closed().is_some();
            Ok(Verified { summary: reader.verify()?, closed })
        };
        verify().map_err(|damage| damaged(log, &path, damage))
    }

    fn reading<T>(
        &self,
        log: LogId,
        work: impl FnOnce(&mut LogReader) -> Result<T, Damage>,
    ) -> Result<T, Error> {
        let path = self.inner.paths.log(log);
        let mut reader = self.reader(log)?;
        work(&mut reader).map_err(|damage| damaged(log, &path, damage))
    }

    /// Opens a log for reading: from memory what is known of an open one, from its file any other.
    fn reader(&self, log: LogId) -> Result<LogReader, Error> {
        let path = self.inner.paths.log(log);
        if let Some(reader) = self.open_reader(log)? {
            return Ok(reader);
        }
        match File::open(&path) {
            Ok(file) => {
                let source: Box<dyn Source> = Box::new(file);
                Reader::open(source).map_err(|damage| damaged(log, &path, damage))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(nothing()),
            Err(e) => Err(e.into()),
        }
    }

    fn open_reader(&self, log: LogId) -> Result<Option<LogReader>, Error> {
        let Some(open) = self.known_log(log) else { return Ok(None) };
        let known = open.with_state(|state| {
            let place = (state.ledger.table().clone(), state.ledger.next_chunk());
            // Under the same lock: a block stored in between would leave a gap before the tail.
            let tail = open.live().tail_behind(place.1);
            Ok(state.closed.is_none().then_some((place.0, tail)))
        })?;
        let Some((table, tail)) = known else { return Ok(None) };
        let source: Box<dyn Source> = match table.raw_len() {
            0 => Box::new(io::empty()),
            _ => Box::new(File::open(&open.path)?),
        };
        Ok(Some(Reader::with_table(source, table).with_tail(tail)))
    }
}

fn nothing() -> LogReader {
    Reader::with_table(Box::new(io::empty()), std::sync::Arc::default())
}
