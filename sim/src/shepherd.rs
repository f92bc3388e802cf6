//! A model of a machine's processes: shepherds, which outlive the daemon, and what the daemon does
//! itself. What they write is the worker's real spool; what really ran is kept for the checker.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use steading_wire::worker::{Attempt, Ending, LogKey, Micros};
use steading_worker::Finished;
use steading_worker::shepherd::FromShepherd;
use steading_worker::spool::{Begin, Record, Records, StepFile, Stream};

use crate::process::Script;
use crate::rng::Rng;

/// How much of a log is kept: more than any of them has.
pub(crate) const LOG_BYTES_MAX: u64 = 1 << 20;

/// What really happened to a step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// How it ended, if it did.
    pub(crate) ending: Option<Ending>,
    /// How many bytes each log has.
    pub(crate) logs: BTreeMap<String, usize>,
}

/// What ran on a machine, by attempt and step number.
pub(crate) type Truths = BTreeMap<(Attempt, i64), Truth>;

/// A step that is carried out.
pub(crate) struct Running {
    pub(crate) attempt: Attempt,
    pub(crate) number: i64,
    pub(crate) workspace: String,
    pub(crate) script: Script,
    /// Tells it from any other.
    pub(crate) serial: u64,
    /// When it ends by itself.
    pub(crate) ends_ms: u64,
    /// Somebody sent it a signal.
    pub(crate) killed: bool,
    /// Its file in the spool.
    pub(crate) file: StepFile,
}

impl Running {
    /// A step begins.
    pub(crate) fn new(
        begin: &Begin,
        workspace: String,
        serial: u64,
        now: u64,
        file: StepFile,
    ) -> Running {
        let script = begin.step.as_ref().map(|it| Script::of(&it.primitive)).unwrap_or_default();
        Running {
            attempt: begin.attempt,
            number: begin.number(),
            workspace,
            script,
            serial,
            ends_ms: now + script.ms,
            killed: false,
            file,
        }
    }

    /// It prints until its log has so many bytes; says whether its file grew.
    pub(crate) fn print(
        &mut self,
        truths: &mut Truths,
        until: usize,
        now: u64,
        mixed: bool,
    ) -> bool {
        let key = LogKey { attempt: self.attempt, step: self.number, name: "stdout".to_owned() };
        let Some(truth) = truths.get_mut(&(self.attempt, self.number)) else { return false };
        let printed = truth.logs.entry(key.name.clone()).or_default();
        let mut bytes = crate::content::printed(&key, until);
        if mixed {
            bytes.reverse();
        }
        let before = self.file.end();
        if until > *printed {
            let written = self.file.write(Stream::Out, at(now), &bytes[*printed..]);
            written.expect("a disk that is not full");
            *printed = until;
        }
        self.file.end() > before
    }

    /// How it ends by now.
    pub(crate) fn ending(&self, now: u64) -> Ending {
        let early = now < self.ends_ms || self.script.upload;
        match self.killed && early {
            true => Ending::Cancelled,
            false => Ending::Exited { code: self.script.exit },
        }
    }

    /// It ends; what the spool says of it, and so its shepherd.
    pub(crate) fn finish(self, truths: &mut Truths, ending: Ending, now: u64) -> FromShepherd {
        let Running { attempt, number, file, .. } = self;
        if let Some(truth) = truths.get_mut(&(attempt, number)) {
            truth.ending = Some(ending.clone());
        }
        let (report, end) = file.finish(Finished { ending, exit: None }, at(now));
        FromShepherd::Ended { attempt, number, end, report: Box::new(report) }
    }

    /// How far its file is.
    pub(crate) fn grew(&self) -> FromShepherd {
        FromShepherd::Grew { attempt: self.attempt, number: self.number, end: self.file.end() }
    }
}

/// The time of the run as files have it.
fn at(now: u64) -> Micros {
    Micros(i64::try_from(now * 1000).unwrap_or(i64::MAX))
}

/// The machine lost power: what was synced is there, of everything else all, a part, or nothing.
/// A step's file is synced when it ends.
pub(crate) fn tear(spool: &Path, rng: &mut Rng) {
    for path in files(spool) {
        let length = std::fs::metadata(&path).map(|it| it.len()).unwrap_or_default();
        if has_ended(&path) {
            continue;
        }
        match rng.below(3) {
            0 => {}
            1 => {
                let file = std::fs::OpenOptions::new().write(true).open(&path);
                let cut = file.and_then(|file| file.set_len(rng.below(length + 1)));
                cut.expect("a file of the spool");
            }
            _ => std::fs::remove_file(&path).expect("a file of the spool"),
        }
    }
}

fn has_ended(path: &Path) -> bool {
    let file = std::fs::File::open(path).expect("a file of the spool");
    let Ok(mut records) = Records::open(std::io::BufReader::new(file)) else { return false };
    while let Ok(Some((.., record))) = records.next() {
        if matches!(record, Record::End { .. }) {
            return true;
        }
    }
    false
}

/// The files of a spool, by name.
pub(crate) fn files(spool: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(spool).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
