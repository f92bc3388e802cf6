//! One mark for each state: a shape, a colour and a word, never colour alone.

use serde::Serialize;
use steading_core::words::Outcome;

use super::row::Row;

/// How a state looks and what it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Mark {
    /// The colour class: `ok bad warn odd run wait`.
    pub(crate) look: &'static str,
    /// The symbol.
    pub(crate) shape: &'static str,
    /// The word.
    pub(crate) word: &'static str,
}

const fn mark(look: &'static str, shape: &'static str, word: &'static str) -> Mark {
    Mark { look, shape, word }
}

/// Not begun.
pub(crate) const WAITING: Mark = mark("wait", "clock", "waiting");
/// Under way.
pub(crate) const RUNNING: Mark = mark("run", "turn", "running");
const GATHERING: Mark = mark("run", "turn", "gathering");
const CANCELLING: Mark = mark("run", "stop", "cancelling");

/// How an outcome looks.
pub(crate) fn of_outcome(outcome: Outcome) -> Mark {
    match outcome {
        Outcome::Success => mark("ok", "tick", "success"),
        Outcome::Warnings => mark("warn", "bang", "warnings"),
        Outcome::Failure => mark("bad", "cross", "failure"),
        Outcome::Skipped => mark("wait", "dash", "skipped"),
        Outcome::Exception => mark("odd", "diamond", "exception"),
        Outcome::Retry => mark("odd", "again", "retry"),
        Outcome::Cancelled => mark("wait", "stop", "cancelled"),
    }
}

/// How a build, step or request stands: its outcome, else its state.
pub(crate) fn of_row(row: &Row) -> Mark {
    if let Some(outcome) = row.outcome() {
        return of_outcome(outcome);
    }
    match row.text("state") {
        "running" => RUNNING,
        "gathering" => GATHERING,
        "cancelling" => CANCELLING,
        "lost" => mark("warn", "dash", "lost"),
        "claimed" => mark("run", "turn", "claimed"),
        "collapsed" => mark("wait", "dash", "collapsed"),
        _ => WAITING,
    }
}

/// How a worker stands.
pub(crate) fn of_worker(worker: &Row) -> Mark {
    match worker.text("state") {
        "ready" if worker.maybe_text("paused_by").is_some() => mark("warn", "pause", "paused"),
        "ready" if troubled(worker) => mark("bad", "pause", "troubled"),
        "ready" if worker.time("quarantined_until").is_some() => {
            mark("bad", "pause", "quarantined")
        }
        "ready" if worker.flag("draining") => mark("warn", "pause", "draining"),
        "ready" => mark("ok", "tick", "ready"),
        "resetting" => mark("run", "turn", "resetting"),
        _ if worker.time("missing_at").is_some() => mark("bad", "cross", "missing"),
        _ => mark("wait", "dash", "offline"),
    }
}

/// Whether a worker found something itself to take nothing for.
pub(crate) fn troubled(worker: &Row) -> bool {
    worker.maybe_text("troubles").is_some()
}

/// A mark with words of one's own.
pub(crate) fn saying(look: &'static str, shape: &'static str, word: &'static str) -> Mark {
    mark(look, shape, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_differs_in_shape_and_word() {
        let marks: Vec<Mark> = Outcome::ALL.into_iter().map(of_outcome).collect();
        for (i, one) in marks.iter().enumerate() {
            assert!(marks[..i].iter().all(|m| m.shape != one.shape && m.word != one.word));
        }
    }
}
