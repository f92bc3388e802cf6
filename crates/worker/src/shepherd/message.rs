//! What daemon and shepherd say to each other: hints only, for what counts is in the spool.
//!
//! Frames are a length (u32, little endian) and MessagePack with named maps. A shepherd may be
//! older than the daemon that finds it: fields are only added, with a default, and a daemon that
//! finds [`SHEPHERD_PROTOCOL`] to be another one ends the shepherd and what it runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use steading_wire::worker::{Attempt, LogKey, Micros, Report, bytes};

use crate::spool::Begin;

/// The version both sides must share.
pub const SHEPHERD_PROTOCOL: u32 = 1;

/// From daemon to shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToShepherd {
    /// Run a step. One that was begun before, by whomever, is not begun again.
    Run(Box<StepJob>),
    /// End the step that runs: TERM, then KILL, the whole tree dead within 10 s.
    End {
        /// Which attempt's.
        attempt: Attempt,
        /// Its number in the plan.
        number: i64,
    },
    /// Somebody new watches: show again what is in no block yet.
    Show,
    /// Go away, once no step runs.
    Leave,
}

/// A command that is a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepJob {
    /// What its file in the spool begins with.
    pub begin: Begin,
    /// The file. It must not exist.
    pub file: PathBuf,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to the shepherd's environment.
    pub env: BTreeMap<String, String>,
    /// Where to run.
    pub cwd: PathBuf,
    /// The same, as people see it.
    pub shown_cwd: String,
    /// Longest run, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Longest silence, in milliseconds.
    pub idle_timeout_ms: Option<u64>,
    /// How many raw bytes of a log are kept.
    pub log_bytes_max: u64,
}

/// From shepherd to daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromShepherd {
    /// The first message of a connection.
    Here {
        /// [`SHEPHERD_PROTOCOL`] of the shepherd.
        protocol: u32,
        /// Which program it runs: after an upgrade it is not the daemon's.
        program: String,
        /// The step that runs.
        running: Option<(Attempt, i64)>,
    },
    /// The file of a step has whole records up to `end`.
    Grew {
        /// Whose.
        attempt: Attempt,
        /// Its number in the plan.
        number: i64,
        /// Offset in the file.
        end: u64,
    },
    /// Raw bytes that are in no block yet, for people who watch.
    Tail {
        /// Which log.
        log: LogKey,
        /// Offset of the first raw byte.
        raw_offset: u64,
        /// When the first of them came.
        at: Micros,
        /// The bytes.
        #[serde(with = "bytes")]
        raw: Vec<u8>,
    },
    /// A step ended; its report is on disk, up to `end`.
    Ended {
        /// Whose.
        attempt: Attempt,
        /// Its number in the plan.
        number: i64,
        /// Offset in the file.
        end: u64,
        /// How.
        report: Box<Report>,
    },
}
