//! Builds without a verdict: lost with their worker, taken back, given up.

use steading_core::farm::Rerun;
use steading_core::lifecycle;
use steading_core::settle::blame::Fate;
use steading_core::words::{
    Build, BuildId, BuildState, Claim, EventKind, Outcome, Reason, RequestId, RequestState,
    WorkerState,
};

use super::blame::Befell;
use super::claim::LockNeed;
use super::finish::Next;
use super::row::{cells, json};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    LOST_OF = "SELECT id FROM build WHERE request_id = ?1 AND state = 'lost' ORDER BY id";
}

/// What came of losing a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It is not lost: its worker came back, or it is over.
    Nothing,
    /// It is lost, and may be taken back.
    Waits,
    /// It is to end now: close its logs, then give it up.
    Ends,
}

/// What came of taking a lost build back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// It goes on.
    Goes {
        /// As it is now.
        build: Box<Build>,
        /// The offer of its retry, withdrawn: its worker should hear of it.
        withdrawn: Option<Claim>,
    },
    /// It is too late: its worker is to drop it.
    TooLate,
}

impl Write<'_> {
    /// A build's worker stayed away for too long: its request returns to the queue, its locks are
    /// free, and until a retry is accepted its worker may come back with it. A build that must
    /// never be run again keeps request and locks.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn lose_build(&mut self, id: BuildId, cause: &Reason, budget: i64) -> Result<Lost, Error> {
        let build = self.require_build(id)?;
        match build.state {
            BuildState::Lost | BuildState::Finished => return Ok(Lost::Nothing),
            BuildState::Cancelling => return Ok(Lost::Ends),
            BuildState::Running | BuildState::Gathering => {}
        }
        let worker = self.worker(&build.worker)?;
        if worker.is_some_and(|worker| worker.state != WorkerState::Offline) {
            return Ok(Lost::Nothing);
        }
        if build.cancelled {
            return Ok(Lost::Ends);
        }
        let befell = befell(&build, cause, budget);
        let verdict = self.judge(&befell)?;
        if matches!(verdict.fate, Fate::Poison | Fate::Exhausted) {
            return Ok(Lost::Ends);
        }
        lifecycle::build(build.state, BuildState::Lost)?;
        let reason = self.blame(&befell, &verdict)?;
        let cells = cells! {
            state: BuildState::Lost.word(), lost_at: self.now(), outcome_reason: json(&reason),
        };
        self.patch(EventKind::BuildLost, BuildId::NOUN, id.0, cells)?;
        if verdict.fate == Fate::Retry {
            self.return_request(build.attempt.request)?;
        }
        Ok(Lost::Waits)
    }

    /// A lost build's worker is back with it. It goes on if no retry was accepted and the locks it
    /// had are free still; an offer of the retry is withdrawn.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when its locks are taken: then forsake it.
    pub fn return_build(&mut self, id: BuildId, locks: &[LockNeed]) -> Result<Returned, Error> {
        let build = self.require_build(id)?;
        if build.state != BuildState::Lost || build.forsaken {
            return Ok(Returned::TooLate);
        }
        let mut withdrawn = None;
        if build.rerun == Rerun::Safe {
            let request = self.require_request(build.attempt.request)?;
            match request.state {
                RequestState::Pending => lifecycle::request(request.state, RequestState::Claimed)?,
                RequestState::Claimed => {
                    withdrawn = self.withdraw_offer(request.id, &came_back())?
                }
                RequestState::Collapsed | RequestState::Complete => return Ok(Returned::TooLate),
            }
            if build.steps_ended_at.is_none() {
                self.require_below_limits(&build.builder, &build.worker)?;
            }
            self.require_grantable(&build.worker, locks)?;
            let cells = cells! {
                state: RequestState::Claimed.word(), worker: &build.worker, claimed_at: self.now(),
                build_id: build.id.0,
            };
            self.patch(EventKind::RequestAccepted, RequestId::NOUN, request.id.0, cells)?;
        }
        let state = match build.steps_ended_at {
            None => BuildState::Running,
            Some(_) => BuildState::Gathering,
        };
        lifecycle::build(build.state, state)?;
        let cells = cells! {
            state: state.word(), lost_at: None::<i64>, outcome_reason: None::<&str>,
        };
        self.patch(EventKind::BuildReturned, BuildId::NOUN, id.0, cells)?;
        self.forgive_build(id)?;
        Ok(Returned::Goes { build: Box::new(self.require_build(id)?), withdrawn })
    }

    /// A lost build is not taken back any more, whoever comes with it: its logs can be closed now.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when it is not lost.
    pub fn forsake_build(&mut self, id: BuildId) -> Result<(), Error> {
        let build = self.require_build(id)?;
        if build.state != BuildState::Lost {
            return Err(Error::Stale(format!("build {id} is {}, not lost", build.state)));
        }
        self.patch_hidden(BuildId::NOUN, id.0, cells! { forsaken: true })
    }

    /// A build ends without a verdict: tried again, or an exception, as the core judges. Its logs
    /// must be closed. One that was lost before ends as it was judged then.
    ///
    /// # Errors
    /// `NotFound`; `Stale` while one of its logs is open.
    pub fn give_up_build(&mut self, id: BuildId, cause: &Reason, budget: i64) -> Result<(), Error> {
        let build = self.require_build(id)?;
        if build.state == BuildState::Finished {
            return Ok(());
        }
        if build.cancelled || build.state == BuildState::Lost {
            return self.finish_build(id, Outcome::Retry, Some(cause), Next::Retry);
        }
        let befell = befell(&build, cause, budget);
        let verdict = self.judge(&befell)?;
        let reason = self.blame(&befell, &verdict)?;
        match verdict.fate {
            Fate::Retry => self.finish_build(id, Outcome::Retry, Some(&reason), Next::Retry),
            Fate::Poison | Fate::Exhausted | Fate::NotRerun => {
                self.finish_build(id, Outcome::Exception, Some(&reason), Next::Complete)
            }
        }
    }

    /// Ends a lost build: what it means for its request was done when it was lost, unless it kept
    /// the request for itself.
    pub(super) fn end_lost(&mut self, build: &Build) -> Result<(), Error> {
        let outcome = match (build.cancelled, build.rerun) {
            (true, _) => Outcome::Cancelled,
            (false, Rerun::Never) => Outcome::Exception,
            (false, Rerun::Safe) => Outcome::Retry,
        };
        let reason = build.outcome_reason.as_ref();
        self.close_build(build, outcome, reason)?;
        match build.rerun {
            Rerun::Never => self.complete_request(build.attempt.request, outcome, reason),
            Rerun::Safe => Ok(()),
        }
    }

    /// Ends whatever was lost of a request: its retry is being accepted.
    pub(super) fn end_lost_of(&mut self, request: RequestId) -> Result<(), Error> {
        let lost = self.rows(LOST_OF, [request.0], |row| Ok(BuildId(row.get(0)?)))?;
        for id in lost {
            self.finish_build(id, Outcome::Retry, None, Next::Retry)?;
        }
        Ok(())
    }
}

fn befell<'a>(build: &'a Build, cause: &'a Reason, budget: i64) -> Befell<'a> {
    Befell {
        worker: &build.worker,
        request: build.attempt.request,
        build: Some(build.id),
        cause,
        terms: (budget, build.rerun),
    }
}

fn came_back() -> Reason {
    Reason::new("returned", "the build it would repeat came back")
}
