//! Builds: accepted, at another step, cancelled.

use steading_core::farm::{Plan, Rerun};
use steading_core::lifecycle;
use steading_core::words::{
    Build, BuildId, BuildState, Claim, ClaimId, ClaimState, EventKind, HeldLock, Outcome,
    Properties, Property, Reason, RequestId, StepId, Value,
};

use super::request::cancel_reason;
use super::row::{Cells, cells, json};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    LAST_NUMBER = "SELECT COALESCE(MAX(number), 0) FROM build WHERE builder = ?1";
    WILLING = "UPDATE worker SET refusals = 0 WHERE name = ?1 AND refusals > 0";
    STEP_OF = "SELECT id FROM step WHERE id = ?1 AND build_id = ?2";
}

/// What a worker's acceptance turns into a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// What it does.
    pub plan: Plan,
    /// The locks it holds, as claimed.
    pub locks: Vec<HeldLock>,
    /// Values by name; `build_number` is added here, where it is known.
    pub properties: Properties,
    /// Whether it may be run again when it is lost.
    pub rerun: Rerun,
}

/// What came of cancelling a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelBuild {
    /// It is cancelling now.
    Cancelling,
    /// It was cancelling before: a second cancel skips its `always` steps.
    Again,
    /// There is nothing to wait for: its bytes were still coming in, or its worker is lost. Close
    /// its logs, then finish it.
    Ends {
        /// The offer of its retry, withdrawn: its worker should hear of it.
        withdrawn: Option<Claim>,
    },
    /// It is over: its outcome stands.
    TooLate,
}

impl Write<'_> {
    /// A worker took an offer: the build exists, with the next number of its builder.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when the offer has another answer already.
    pub fn accept(&mut self, id: ClaimId, acceptance: &Acceptance) -> Result<Build, Error> {
        let claim = self.end_claim(id, ClaimState::Accepted, None)?;
        self.end_lost_of(claim.attempt.request)?;
        self.execute(WILLING, [&claim.worker])?;
        let request = self.require_request(claim.attempt.request)?;
        let number = self.int(LAST_NUMBER, [&request.builder])? + 1;
        let mut properties = acceptance.properties.clone();
        let numbered = Property { value: Value::Int(number), source: "farm".to_owned() };
        properties.insert("build_number".to_owned(), numbered);
        let steps = i64::try_from(acceptance.plan.steps.len()).unwrap_or(i64::MAX);
        let mut cells: Cells = cells! {
            builder: &request.builder, number: number, request_id: request.id.0,
            buildset_id: request.buildset_id.0, epoch: claim.attempt.epoch, worker: &claim.worker,
            state: BuildState::Running.word(), step_count: steps, properties: json(&properties),
            owner: request.owner.as_ref(), reason: &request.reason,
            locks: json(&acceptance.locks), configuration_id: request.configuration_id.0,
            started_at: self.now(), rerun: acceptance.rerun.word(),
        };
        if let Some(stamp) = &request.stamp {
            cells.extend(cells! {
                repository: &stamp.repository, branch: &stamp.branch, revision: &stamp.revision,
            });
        }
        let hidden = cells! { plan: json(&acceptance.plan), cancelled: false };
        let build = BuildId(self.insert(EventKind::BuildStarted, BuildId::NOUN, cells, hidden)?);
        let cells = cells! { build_id: build.0, worker: &claim.worker };
        self.patch(EventKind::RequestAccepted, RequestId::NOUN, request.id.0, cells)?;
        self.require_build(build)
    }

    /// The last step ended: locks are free, bytes may still come in. Nothing happens when it had
    /// ended before.
    ///
    /// # Errors
    /// `NotFound`; `Stale` while a step still runs.
    pub fn end_steps(&mut self, id: BuildId) -> Result<(), Error> {
        let (state, _) = self.standing(id)?;
        if matches!(state, BuildState::Gathering | BuildState::Finished) {
            return Ok(());
        }
        lifecycle::build(state, BuildState::Gathering)?;
        if let Some(step) = self.running_steps(id)?.first() {
            return Err(Error::Stale(format!("step {} of build {id} still runs", step.number)));
        }
        let cells = cells! {
            state: BuildState::Gathering.word(), step: None::<&str>, steps_ended_at: self.now(),
        };
        self.patch(EventKind::BuildProgressed, BuildId::NOUN, id.0, cells)
    }

    /// Somebody said stop: a build with steps to run is cancelling, and its outcome will be
    /// `cancelled` whatever it reports later. One that was lost is given up, its retry with it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn cancel_build(&mut self, id: BuildId, by: &str, why: &str) -> Result<CancelBuild, Error> {
        let build = self.require_build(id)?;
        let reason: Reason = cancel_reason(by, why);
        let mut cells = cells! { outcome_reason: json(&reason), cancelled_at: self.now() };
        match build.state {
            BuildState::Cancelling => return Ok(CancelBuild::Again),
            BuildState::Finished => return Ok(CancelBuild::TooLate),
            BuildState::Gathering | BuildState::Lost => {}
            BuildState::Running => {
                lifecycle::build(build.state, BuildState::Cancelling)?;
                cells.extend(cells! { state: BuildState::Cancelling.word() });
            }
        }
        self.patch(EventKind::BuildCancelling, BuildId::NOUN, id.0, cells)?;
        let lost = build.state == BuildState::Lost;
        self.patch_hidden(BuildId::NOUN, id.0, cells! { cancelled: true, forsaken: lost })?;
        if build.state == BuildState::Running {
            return Ok(CancelBuild::Cancelling);
        }
        let mut withdrawn = None;
        if lost && build.rerun == Rerun::Safe {
            let request = build.attempt.request;
            withdrawn = self.withdraw_offer(request, &reason)?;
            self.complete_request(request, Outcome::Cancelled, Some(&reason))?;
        }
        Ok(CancelBuild::Ends { withdrawn })
    }

    pub(super) fn require_build(&self, id: BuildId) -> Result<Build, Error> {
        self.build(id)?.ok_or_else(|| Error::not_found(BuildId::NOUN, id))
    }

    /// Refuses to add to a build that has its outcome (I1: what was superseded commits nothing).
    /// Gives its state and its worker.
    pub(super) fn require_unfinished(&self, id: BuildId) -> Result<(BuildState, String), Error> {
        match self.standing(id)? {
            (BuildState::Finished, _) => {
                Err(Error::Stale(format!("build {id} is finished: nothing can be added to it")))
            }
            standing => Ok(standing),
        }
    }

    pub(super) fn require_step_of(&self, build: BuildId, step: StepId) -> Result<(), Error> {
        let found = self.row(STEP_OF, (step.0, build.0), |_| Ok(()))?;
        found.ok_or_else(|| Error::not_found(StepId::NOUN, format!("{step} of build {build}")))
    }
}
