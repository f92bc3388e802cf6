//! How a step ended, and what that makes of it.

use crate::words::{Duration, Outcome, Reason};

/// How a step's process, or what the worker did in its place, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepReport {
    /// What had no process of its own (a checkout, an upload) is done.
    Done,
    /// The process exited.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// The process was killed, and not by the farm.
    Signalled {
        /// The signal's number.
        signal: i32,
        /// The machine ran out of memory.
        out_of_memory: bool,
    },
    /// It ran too long and was killed.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// It printed nothing for too long and was killed.
    Silent {
        /// The limit.
        limit: Duration,
    },
    /// There is no such program.
    NotFound {
        /// As it was called.
        program: String,
    },
    /// The program is there and cannot be run.
    NotExecutable {
        /// As it was called.
        program: String,
        /// What the system said.
        message: String,
    },
    /// Somebody said stop; it was killed.
    Cancelled,
    /// The repository could not be reached.
    RepositoryUnreachable {
        /// The repository, as the farm declares it.
        repository: String,
        /// What was tried and what it said.
        message: String,
    },
    /// The repository was reached and has no such revision.
    RevisionMissing {
        /// The repository, as the farm declares it.
        repository: String,
        /// The revision asked for.
        revision: String,
    },
    /// An upload matched no file.
    NothingMatched {
        /// The globs.
        paths: Vec<String>,
    },
    /// The step could not be made ready: a property without a value, a directory outside the
    /// workspace.
    NotRunnable {
        /// What was wrong and what to do.
        message: String,
    },
    /// The worker's disk is full.
    DiskFull {
        /// Where, and what it stopped.
        message: String,
    },
    /// The worker lost the step: its shepherd was killed, its machine started anew, it had no room
    /// for one more process.
    Lost {
        /// Machine-readable: `shepherd_lost`, `machine_restarted`, ….
        code: String,
        /// What happened.
        message: String,
    },
    /// The farm failed in another way.
    Infrastructure {
        /// What happened.
        message: String,
    },
}

/// The outcome a step has by itself (what its build makes of it: `next`), and why it is not green.
#[must_use]
pub fn step_verdict(report: &StepReport) -> (Outcome, Option<Reason>) {
    let (outcome, code, text) = match report {
        StepReport::Done | StepReport::Exited { code: 0 } => return (Outcome::Success, None),
        StepReport::Cancelled => (Outcome::Cancelled, "cancelled", "cancelled".to_owned()),
        StepReport::RepositoryUnreachable { repository, message } => (
            Outcome::Retry,
            "repository_unreachable",
            format!("repository `{repository}` could not be reached: {message}"),
        ),
        StepReport::DiskFull { message } => (
            Outcome::Retry,
            "disk_full",
            format!("the worker's disk is full, make room: {message}"),
        ),
        StepReport::Lost { code, message } => (Outcome::Retry, code.as_str(), message.clone()),
        StepReport::Infrastructure { message } => {
            (Outcome::Retry, "infrastructure", message.clone())
        }
        failed => {
            let (code, text) = failure(failed);
            (Outcome::Failure, code, text)
        }
    };
    (outcome, Some(Reason::new(code, text)))
}

/// What the change or its recipe is to blame for.
fn failure(report: &StepReport) -> (&'static str, String) {
    match report {
        StepReport::Exited { code } => ("exit_code", format!("exited with code {code}")),
        StepReport::Signalled { signal, out_of_memory: true } => (
            "out_of_memory",
            format!("killed by {}: the machine ran out of memory", signal_name(*signal)),
        ),
        StepReport::Signalled { signal, .. } => {
            ("signal", format!("killed by {}", signal_name(*signal)))
        }
        StepReport::TimedOut { limit } => {
            ("timeout", format!("killed after {limit}, its `timeout`"))
        }
        StepReport::Silent { limit } => {
            ("idle_timeout", format!("killed after {limit} without output, its `idle_timeout`"))
        }
        StepReport::NotFound { program } => {
            ("command_not_found", format!("there is no program `{program}` on the worker"))
        }
        StepReport::NotExecutable { program, message } => {
            ("command_not_executable", format!("`{program}` cannot be run: {message}"))
        }
        StepReport::RevisionMissing { repository, revision } => {
            ("revision_missing", format!("repository `{repository}` has no revision `{revision}`"))
        }
        StepReport::NothingMatched { paths } => {
            ("nothing_matched", format!("no file of the workspace matches {}", paths.join(", ")))
        }
        StepReport::NotRunnable { message } => ("not_runnable", message.clone()),
        _ => ("failure", "failed".to_owned()),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_an_outcome_and_a_why() {
        let check = |report: StepReport, outcome: Outcome, why: Option<(&str, &str)>| {
            let why = why.map(|(code, text)| Reason::new(code, text));
            assert_eq!(step_verdict(&report), (outcome, why), "{report:?}");
        };
        let text = str::to_owned;
        check(StepReport::Done, Outcome::Success, None);
        check(StepReport::Exited { code: 0 }, Outcome::Success, None);
        check(
            StepReport::Exited { code: 2 },
            Outcome::Failure,
            Some(("exit_code", "exited with code 2")),
        );
        check(
            StepReport::Signalled { signal: 11, out_of_memory: false },
            Outcome::Failure,
            Some(("signal", "killed by signal 11 (SEGV)")),
        );
        check(
            StepReport::Signalled { signal: 9, out_of_memory: true },
            Outcome::Failure,
            Some(("out_of_memory", "killed by signal 9 (KILL): the machine ran out of memory")),
        );
        check(
            StepReport::TimedOut { limit: Duration::seconds(90) },
            Outcome::Failure,
            Some(("timeout", "killed after 1:30, its `timeout`")),
        );
        check(
            StepReport::NotFound { program: text("mkae") },
            Outcome::Failure,
            Some(("command_not_found", "there is no program `mkae` on the worker")),
        );
        check(StepReport::Cancelled, Outcome::Cancelled, Some(("cancelled", "cancelled")));
        check(
            StepReport::RepositoryUnreachable { repository: text("r"), message: text("no route") },
            Outcome::Retry,
            Some(("repository_unreachable", "repository `r` could not be reached: no route")),
        );
        check(
            StepReport::Lost { code: text("shepherd_lost"), message: text("killed") },
            Outcome::Retry,
            Some(("shepherd_lost", "killed")),
        );
        check(
            StepReport::RevisionMissing { repository: text("r"), revision: text("abc") },
            Outcome::Failure,
            Some(("revision_missing", "repository `r` has no revision `abc`")),
        );
        check(
            StepReport::NothingMatched { paths: vec![text("a/*"), text("b")] },
            Outcome::Failure,
            Some(("nothing_matched", "no file of the workspace matches a/*, b")),
        );
        check(
            StepReport::DiskFull { message: text("/w") },
            Outcome::Retry,
            Some(("disk_full", "the worker's disk is full, make room: /w")),
        );
    }
}
