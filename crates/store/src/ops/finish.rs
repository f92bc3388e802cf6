//! The end of a build, and what it sets off in its request and buildset.

use steading_core::lifecycle;
use steading_core::words::{Build, BuildId, BuildState, EventKind, LogId, Outcome, Reason};

use super::row::{cells, json_or_null};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    OPEN_LOG = "SELECT id FROM log WHERE build_id = ?1 AND closed = 0 ORDER BY id LIMIT 1";
}

/// What a build's end means for its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The request has its outcome too.
    Complete,
    /// The request is tried again.
    Retry,
}

impl Write<'_> {
    /// A build has its outcome: steps still running end with it, its request completes or returns
    /// to the queue, its buildset completes with its last request. A build that was cancelled
    /// before its steps ended is `cancelled` and completes its request, whatever is said here. A
    /// build that is finished stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Stale` while one of its logs is open: close it first, in the same section.
    pub fn finish_build(
        &mut self,
        id: BuildId,
        outcome: Outcome,
        reason: Option<&Reason>,
        next: Next,
    ) -> Result<(), Error> {
        let build = self.require_build(id)?;
        if build.state == BuildState::Finished {
            return Ok(());
        }
        if build.state == BuildState::Lost {
            return self.end_lost(&build);
        }
        let (outcome, reason, next) = if build.cancelled {
            (Outcome::Cancelled, build.outcome_reason.as_ref(), Next::Complete)
        } else {
            (outcome, reason, next)
        };
        self.close_build(&build, outcome, reason)?;
        if matches!(outcome, Outcome::Success | Outcome::Warnings | Outcome::Failure) {
            self.trust_worker(&build.worker)?;
        }
        match next {
            Next::Complete => self.complete_request(build.attempt.request, outcome, reason),
            Next::Retry => self.return_request(build.attempt.request),
        }
    }

    /// The build itself has its outcome, and whatever of it still ran.
    pub(super) fn close_build(
        &mut self,
        build: &Build,
        outcome: Outcome,
        reason: Option<&Reason>,
    ) -> Result<(), Error> {
        let id = build.id;
        if let Some(log) = self.row(OPEN_LOG, [id.0], |row| Ok(LogId(row.get(0)?)))? {
            let why =
                format!("log {log} of build {id} is open: close it before finishing the build");
            return Err(Error::Stale(why));
        }
        lifecycle::build(build.state, BuildState::Finished)?;
        for step in self.running_steps(id)? {
            self.finish_step(step.id, outcome, reason, None)?;
        }
        let now = self.now();
        let cells = cells! {
            state: BuildState::Finished.word(), outcome: outcome.word(),
            outcome_reason: json_or_null(reason), step: None::<&str>,
            steps_ended_at: build.steps_ended_at.unwrap_or(now), finished_at: now,
        };
        self.patch(EventKind::BuildFinished, BuildId::NOUN, id.0, cells)
    }
}
