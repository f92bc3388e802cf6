//! What the end of a command means, given why it was told to end.

use std::time::Duration;

use steading_wire::worker::{Ending, ExitRecord};

use super::job::Verdict;
use crate::process::{Finished, infrastructure};

/// How long an errand may take to end a tree and say so: its ladder is shorter.
pub(crate) const LADDER_MAX: Duration = Duration::from_secs(15);

/// Why a command did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Somebody said so.
    Cancelled,
    /// It ran or was silent for too long.
    TimedOut {
        /// Silent.
        idle: bool,
        /// The limit.
        limit: Duration,
    },
    /// What it printed could not be kept.
    Broken,
}

/// What an errand's verdict means.
pub(crate) fn judge(verdict: Verdict, why: Option<Why>) -> Finished {
    let (ending, exit) = match verdict {
        Verdict::NotStarted { text, exhausted: true } => (infrastructure("no_process", text), None),
        Verdict::NotStarted { text, exhausted: false } => (Ending::NotStarted { text }, None),
        Verdict::Ended { exit, killed } => (ended(&exit, why.filter(|_| killed)), Some(exit)),
    };
    Finished { ending, exit }
}

fn ended(exit: &ExitRecord, why: Option<Why>) -> Ending {
    match (why, exit.code, exit.signal) {
        (Some(Why::Cancelled), ..) => Ending::Cancelled,
        (Some(Why::TimedOut { idle, limit }), ..) => Ending::TimedOut {
            idle,
            limit_ms: i64::try_from(limit.as_millis()).unwrap_or(i64::MAX),
        },
        (_, Some(code), _) => Ending::Exited { code },
        (_, None, Some(signal)) => Ending::Signalled { signal },
        (_, None, None) => infrastructure("unkillable", "the command does not die".to_owned()),
    }
}
