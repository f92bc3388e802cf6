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
        Verdict::Withdrawn => (withdrawn(why), None),
        Verdict::NotStarted { text, exhausted: true } => (infrastructure("no_process", text), None),
        Verdict::NotStarted { text, exhausted: false } => (Ending::NotStarted { text }, None),
        Verdict::Ended { exit, killed } => (ended(&exit, why.filter(|_| killed)), Some(exit)),
    };
    Finished { ending, exit }
}

fn ended(exit: &ExitRecord, why: Option<Why>) -> Ending {
    match (why, exit.code, exit.signal) {
        (Some(Why::Cancelled), ..) => Ending::Cancelled,
        (Some(Why::TimedOut { idle, limit }), ..) => timed_out(idle, limit),
        (_, Some(code), _) => Ending::Exited { code },
        (_, None, Some(signal)) => Ending::Signalled { signal },
        (_, None, None) => infrastructure("unkillable", "the command does not die".to_owned()),
    }
}

/// It was told to end before its command ran.
fn withdrawn(why: Option<Why>) -> Ending {
    match why {
        Some(Why::Cancelled) => Ending::Cancelled,
        Some(Why::TimedOut { idle, limit }) => timed_out(idle, limit),
        Some(Why::Broken) | None => {
            infrastructure("shepherd_lost", "the command was not started any more".to_owned())
        }
    }
}

fn timed_out(idle: bool, limit: Duration) -> Ending {
    Ending::TimedOut { idle, limit_ms: i64::try_from(limit.as_millis()).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_withdrawn_ends_as_it_was_meant_to() {
        let check = |why: Option<Why>, expected: Ending| {
            let finished = judge(Verdict::Withdrawn, why);
            assert_eq!((finished.ending, finished.exit), (expected, None));
        };
        check(Some(Why::Cancelled), Ending::Cancelled);
        let limit = Duration::from_millis(5);
        let idle = true;
        check(Some(Why::TimedOut { idle, limit }), Ending::TimedOut { idle, limit_ms: 5 });
        let lost = "the command was not started any more".to_owned();
        check(None, infrastructure("shepherd_lost", lost));
    }
}
