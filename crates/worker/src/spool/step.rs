//! The file of one step while it is written: output in, blocks and at last the report on disk.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use steading_frames::{Block, Ledger, Packer, Stored};
use steading_wire::worker::{Ending, ExitRecord, Micros, Report};

use super::record::{Begin, HEAD, Record, Records, Unreadable, encode};
use super::stream::{Stream, Writing};
use crate::home::sync_names;
use crate::process::{Finished, failed};

/// How much of a sentence about the ending is reported.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// How many processes that were left behind are named.
const LEFTOVERS_MAX: usize = 100;

/// A step's file and its two logs. It has one writer.
pub struct StepFile {
    file: File,
    /// Where its name stands.
    dir: PathBuf,
    end: u64,
    logs: [Writing; 2],
}

impl StepFile {
    /// Begins a step. Its file must not exist: a step is begun once.
    ///
    /// # Errors
    /// When it exists, or the disk cannot take it.
    pub fn create(path: &Path, begin: Begin, log_limit: u64) -> io::Result<StepFile> {
        let mut open = fs_err::OpenOptions::new();
        let file = open.create_new(true).read(true).write(true).open(path)?.into_parts().0;
        let log = || Writing::resume(Ledger::new(), log_limit);
        let mut step = StepFile { file, dir: home_of(path), end: 0, logs: [log(), log()] };
        let begun = [&HEAD[..], &encode(&Record::Begin(Box::new(begin)))].concat();
        // One write: whoever finds the file finds whose it is, unless the disk is full.
        step.put(&begun).inspect_err(|_| drop(fs_err::remove_file(path)))?;
        Ok(step)
    }

    /// Goes on with a step whose writer died; what that one had not written is lost.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn resume(path: &Path, log_limit: u64) -> Result<StepFile, Unreadable> {
        let mut open = fs_err::OpenOptions::new();
        let file = open.read(true).write(true).open(path)?.into_parts().0;
        let mut records = Records::open(BufReader::new(&file))?;
        let (mut ledgers, mut closed) = ([Ledger::new(), Ledger::new()], [false, false]);
        let mut packer = Packer::new();
        while let Some((.., record)) = records.next()? {
            match record {
                Record::Block { log, encoded, .. } => {
                    let Some(stream) = Stream::named(&log) else { continue };
                    let block = Stored::decode(&encoded, &mut packer).map_err(io::Error::other)?;
                    ledgers[stream as usize].add(&block).map_err(io::Error::other)?;
                }
                Record::Close { log, .. } => {
                    closed[Stream::named(&log).unwrap_or(Stream::Out) as usize] = true;
                }
                Record::Begin(_) | Record::End { .. } => {}
            }
        }
        let end = records.end();
        drop(records);
        file.set_len(end)?;
        let mut logs = ledgers.map(|ledger| Writing::resume(ledger, log_limit));
        logs.iter_mut().zip(closed).for_each(|(log, closed)| log.closed = closed);
        Ok(StepFile { file, dir: home_of(path), end, logs })
    }

    /// Where its name stands.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Offset behind the last whole record: whoever reads may read up to here.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Takes what a log was sent at `now`.
    ///
    /// # Errors
    /// When the disk cannot take a block; the log is given up then.
    pub fn write(&mut self, stream: Stream, now: Micros, bytes: &[u8]) -> io::Result<()> {
        if self.log(stream).closed {
            return Ok(());
        }
        let blocks = self.log(stream).push(now, bytes);
        self.append(stream, &blocks)
    }

    /// What of a log is in no block and was not shown yet: its offset, when it came, the bytes.
    pub(crate) fn unseen(&mut self, stream: Stream) -> Option<(u64, Micros, &[u8])> {
        self.log(stream).unseen()
    }

    /// Whether anything is in no block and was not shown yet.
    pub(crate) fn has_unseen(&self) -> bool {
        self.logs.iter().any(Writing::has_unseen)
    }

    /// So many of the unseen bytes were shown.
    pub(crate) fn show(&mut self, stream: Stream, bytes: usize) {
        self.log(stream).show(bytes);
    }

    /// Somebody new watches a log.
    pub(crate) fn show_again(&mut self, stream: Stream) {
        self.log(stream).show_again();
    }

    /// Closes the logs and puts the report on disk, for good. What could not be written is said
    /// in the report; it counts even when it could not be written itself.
    pub fn finish(self, finished: Finished, now: Micros) -> (Report, u64) {
        self.finish_named(finished, now, sync_names)
    }

    /// The same, by one who has its own way to put the names of the file's directory on disk.
    pub(crate) fn finish_named(
        mut self,
        finished: Finished,
        now: Micros,
        sync_names: impl FnOnce(&Path) -> io::Result<()>,
    ) -> (Report, u64) {
        let Finished { mut ending, mut exit } = finished;
        let mut logs = Vec::new();
        for stream in Stream::BOTH {
            match self.close(stream, now) {
                Ok(any) => logs.extend(any.then(|| stream.name().to_owned())),
                Err(error) => ending = not_kept(&error),
            }
        }
        bound(&mut ending, exit.as_mut());
        let stderr_tail = self.log(Stream::Err).tail();
        let mut report = Report { ending, exit, logs, stderr_tail };
        let end = encode(&Record::End { report: Box::new(report.clone()) });
        let synced = self.put(&end).and_then(|()| self.file.sync_data());
        if let Err(error) = synced.and_then(|()| sync_names(&self.dir)) {
            report.ending = not_kept(&error);
        }
        (report, self.end)
    }

    /// Ends a log; says whether anything was ever in it.
    fn close(&mut self, stream: Stream, now: Micros) -> io::Result<bool> {
        let log = self.log(stream);
        if let Some(kind) = log.broken {
            return Err(kind.into());
        }
        if log.closed {
            return Ok(true);
        }
        let Some((blocks, trailer, summary)) = log.finish(now) else { return Ok(false) };
        self.append(stream, &blocks)?;
        let close = Record::Close {
            log: stream.name().to_owned(),
            trailer: trailer.encoded,
            bytes: summary.bytes,
            lines: summary.lines,
            hash: summary.hash,
        };
        self.put(&encode(&close)).map(|()| true)
    }

    fn append(&mut self, stream: Stream, blocks: &[Block]) -> io::Result<()> {
        for Block { raw_offset, raw_len, encoded } in blocks {
            if let Some(kind) = self.log(stream).broken {
                return Err(kind.into());
            }
            let (log, encoded) = (stream.name().to_owned(), encoded.clone());
            let (raw_offset, raw_len) = (*raw_offset, *raw_len);
            let record = encode(&Record::Block { log, raw_offset, raw_len, encoded });
            if let Err(error) = self.put(&record) {
                self.log(stream).broken = Some(error.kind());
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes behind what is there, over whatever a failed write left.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn log(&mut self, stream: Stream) -> &mut Writing {
        &mut self.logs[stream as usize]
    }
}

fn home_of(path: &Path) -> PathBuf {
    path.parent().expect("a file lies in a directory").to_owned()
}

fn not_kept(error: &io::Error) -> Ending {
    failed("spool_failed", "the step's log could not be kept", error)
}

/// A report is one message of the control link: what a build can make long is cut. One that no
/// message could carry would break the link each time it is said again.
fn bound(ending: &mut Ending, exit: Option<&mut ExitRecord>) {
    if let Ending::NotStarted { text }
    | Ending::NoSuchRevision { text }
    | Ending::NoSuchFile { text }
    | Ending::Infrastructure { text, .. } = ending
        && text.len() > TEXT_BYTES_MAX
    {
        let left_out = text.len() - TEXT_BYTES_MAX;
        let end = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push_str(&format!(" … ({left_out} more bytes)"));
    }
    if let Some(exit) = exit
        && exit.leftovers.len() > LEFTOVERS_MAX
    {
        let left_out = exit.leftovers.len() - LEFTOVERS_MAX;
        exit.leftovers.truncate(LEFTOVERS_MAX);
        exit.leftovers.push(format!("… and {left_out} more"));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use steading_frames::{BLOCK_MAX_BYTES, Reader};
    use steading_wire::worker::{Attempt, ClaimId, RequestId};

    use super::*;

    fn begin() -> Begin {
        let attempt = Attempt { request: RequestId(1), epoch: 1 };
        let (claim, builder, boot) = (ClaimId(1), "hello".to_owned(), "now".to_owned());
        Begin { attempt, claim, builder, slot: 1, boot, step: None }
    }

    fn done() -> Finished {
        Finished { ending: Ending::Exited { code: 0 }, exit: None }
    }

    /// The raw bytes of a log, as a master would read what it is sent.
    fn raw(path: &Path, name: &str) -> Vec<u8> {
        let mut records = Records::open(File::open(path).unwrap()).unwrap();
        let mut file = Vec::new();
        while let Some((.., record)) = records.next().unwrap() {
            match record {
                Record::Block { log, encoded, .. } if log == name => file.extend(encoded),
                Record::Close { log, trailer, .. } if log == name => file.extend(trailer),
                _ => {}
            }
        }
        let mut reader = Reader::open(Cursor::new(file)).unwrap();
        let summary = reader.verify().unwrap();
        let mut raw = Vec::new();
        while (raw.len() as u64) < summary.bytes {
            raw.extend(reader.bytes(raw.len() as u64..summary.bytes).unwrap());
        }
        raw
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut x = 1_u64;
        let mut next = || {
            x = x * 16_807 % 2_147_483_647;
            (x >> 8) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[test]
    fn a_step_is_begun_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1-1-1");
        StepFile::create(&path, begin(), 1 << 20).unwrap();
        let again = StepFile::create(&path, begin(), 1 << 20).map(drop).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_file_cut_off_anywhere_goes_on_as_a_whole_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1-1-1");
        let before = noise(600_000);
        let mut step = StepFile::create(&path, begin(), 1 << 30).unwrap();
        let first = step.end();
        step.write(Stream::Out, Micros(1), &before).unwrap();
        let whole = step.end();
        drop(step);
        let bytes = std::fs::read(&path).unwrap();
        let cuts = [(first, 0), (first + 1, 0), (first + 9_000, 0), (whole - 1, 1), (whole, 2)];
        for (cut, blocks) in cuts {
            std::fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
            let mut step = StepFile::resume(&path, 1 << 30).unwrap();
            assert!(step.end() <= cut);
            step.write(Stream::Out, Micros(2), b"after\n").unwrap();
            let (report, end) = step.finish(done(), Micros(3));
            assert_eq!((report.ending, report.logs), (done().ending, vec!["stdout".to_owned()]));
            assert_eq!(end, std::fs::metadata(&path).unwrap().len());
            let raw = raw(&path, "stdout");
            let kept = raw.strip_suffix(b"after\n").expect("what came later");
            assert!(before.starts_with(kept), "at {cut}: what is kept is a part from the start");
            assert_eq!(kept.len(), blocks * BLOCK_MAX_BYTES, "at {cut}");
        }
    }

    #[test]
    fn a_log_that_was_closed_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1-1-1");
        let mut step = StepFile::create(&path, begin(), 1 << 20).unwrap();
        step.write(Stream::Err, Micros(1), b"why\n").unwrap();
        let (report, end) = step.finish(done(), Micros(2));
        // The writer died between the closing and the report.
        let last = encode(&Record::End { report: Box::new(report) }).len() as u64;
        File::options().write(true).open(&path).unwrap().set_len(end - last + 5).unwrap();
        let mut step = StepFile::resume(&path, 1 << 20).unwrap();
        step.write(Stream::Err, Micros(3), b"more\n").unwrap();
        let (report, _) = step.finish(done(), Micros(4));
        assert_eq!(report.logs, ["stderr"]);
        assert_eq!(raw(&path, "stderr"), b"why\n");
    }
}
