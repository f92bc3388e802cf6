//! Steps: sent to the worker, skipped, ended.

use steading_core::lifecycle;
use steading_core::words::{
    BuildId, BuildState, Cell, EventKind, Micros, Outcome, Reason, Step, StepId, StepState,
};

use super::claim::{LockNeed, held};
use super::row::{cells, json, json_or_null};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    AT = "SELECT id FROM step WHERE build_id = ?1 AND number = ?2";
}

/// A step about to be sent to its worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStep {
    /// Its place in the plan, from 1.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// What is run, for people.
    pub command: serde_json::Value,
    /// The locks it holds while it runs, besides its build's.
    pub locks: Vec<LockNeed>,
}

/// The locks a step takes, as people read it; absent when it takes none.
fn takes(locks: &[LockNeed]) -> Cell {
    if locks.is_empty() { Cell::Null } else { json(&held(locks)) }
}

impl Write<'_> {
    /// A step is sent to its worker; the same number again yields the same step.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when its build runs no more steps, or a lock is not free.
    pub fn start_step(&mut self, build: BuildId, new: &NewStep) -> Result<StepId, Error> {
        if let Some(id) = self.step_at(build, new.number)? {
            return Ok(id);
        }
        let (state, worker) = self.require_unfinished(build)?;
        if state == BuildState::Gathering {
            return Err(Error::Stale(format!("the steps of build {build} have ended")));
        }
        self.require_grantable(&worker, &new.locks)?;
        let id = self.insert(
            EventKind::StepStarted,
            StepId::NOUN,
            cells! {
                build_id: build.0, number: new.number, name: &new.name,
                state: StepState::Running.word(), command: json(&new.command),
                takes: takes(&new.locks), started_at: self.now(),
            },
            cells! { locks: json(&held(&new.locks)) },
        )?;
        let cells = cells! { step: &new.name };
        self.patch(EventKind::BuildProgressed, BuildId::NOUN, build.0, cells)?;
        Ok(StepId(id))
    }

    /// A step waits for the locks it takes; the same number again yields the same step.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when its build runs no more steps.
    pub fn wait_step(
        &mut self,
        build: BuildId,
        new: &NewStep,
        until: Micros,
    ) -> Result<StepId, Error> {
        if let Some(id) = self.step_at(build, new.number)? {
            return Ok(id);
        }
        let (state, _) = self.require_unfinished(build)?;
        if state == BuildState::Gathering {
            return Err(Error::Stale(format!("the steps of build {build} have ended")));
        }
        let id = self.insert(
            EventKind::StepWaiting,
            StepId::NOUN,
            cells! {
                build_id: build.0, number: new.number, name: &new.name,
                state: StepState::Waiting.word(), command: json(&new.command),
                takes: json(&held(&new.locks)), waiting_since: self.now(), waits_until: until,
            },
            cells! { locks: json(&held(&new.locks)) },
        )?;
        let cells = cells! { step: &new.name };
        self.patch(EventKind::BuildProgressed, BuildId::NOUN, build.0, cells)?;
        Ok(StepId(id))
    }

    /// A step that waits gets the locks it takes, if they are still free beside what is held: from
    /// now on it runs. Gives its build.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when it waits no more, or a lock is not free.
    pub fn grant_step(&mut self, id: StepId, locks: &[LockNeed]) -> Result<BuildId, Error> {
        let step: Step = self.step(id)?.ok_or_else(|| Error::not_found(StepId::NOUN, id))?;
        if step.state != StepState::Waiting {
            return Err(Error::Stale(format!("step {id} is {}, not waiting", step.state)));
        }
        let (_, worker) = self.require_unfinished(step.build_id)?;
        self.require_grantable(&worker, locks)?;
        lifecycle::step(step.state, StepState::Running)?;
        let cells = cells! { state: StepState::Running.word(), started_at: self.now() };
        self.patch(EventKind::StepStarted, StepId::NOUN, id.0, cells)?;
        Ok(step.build_id)
    }

    /// A step is not run, on purpose: finished at once, skipped. The same number again yields the
    /// same step.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when its build is finished.
    pub fn skip_step(
        &mut self,
        build: BuildId,
        number: i64,
        name: &str,
        reason: &Reason,
    ) -> Result<StepId, Error> {
        if let Some(id) = self.step_at(build, number)? {
            return Ok(id);
        }
        self.require_unfinished(build)?;
        let id = self.insert(
            EventKind::StepFinished,
            StepId::NOUN,
            cells! {
                build_id: build.0, number: number, name: name, state: StepState::Finished.word(),
                outcome: Outcome::Skipped.word(), outcome_reason: json(reason),
                finished_at: self.now(),
            },
            cells! { locks: "[]" },
        )?;
        Ok(StepId(id))
    }

    /// A step ended; its locks are free. A step that has its outcome keeps it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn finish_step(
        &mut self,
        id: StepId,
        outcome: Outcome,
        reason: Option<&Reason>,
        exit: Option<&serde_json::Value>,
    ) -> Result<(), Error> {
        let step: Step = self.step(id)?.ok_or_else(|| Error::not_found(StepId::NOUN, id))?;
        if step.state == StepState::Finished {
            return Ok(());
        }
        lifecycle::step(step.state, StepState::Finished)?;
        let cells = cells! {
            state: StepState::Finished.word(), outcome: outcome.word(),
            outcome_reason: json_or_null(reason), exit: json_or_null(exit),
            finished_at: self.now(),
        };
        self.patch(EventKind::StepFinished, StepId::NOUN, id.0, cells)
    }

    fn step_at(&self, build: BuildId, number: i64) -> Result<Option<StepId>, Error> {
        self.row(AT, (build.0, number), |row| Ok(StepId(row.get(0)?)))
    }
}
