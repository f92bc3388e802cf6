//! Claims, and everything that holds a slot or a lock.

use rusqlite::Row;
use steading_core::matcher::{Holding, Waiting};
use steading_core::words::{
    Attempt, Claim, ClaimId, ClaimState, HeldLock, Micros, RequestId, StepId,
};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

macro_rules! select {
    ($tail:literal) => {
        concat!("SELECT id, request_id, epoch, worker, state, deadline_at FROM claim ", $tail)
    };
}

statements! {
    BY_ID = select!("WHERE id = ?1");
    OF_ATTEMPT = select!("WHERE request_id = ?1 AND epoch = ?2");
    OFFERED = select!("WHERE state = 'offered' ORDER BY id");
    LOCKS = "SELECT locks FROM claim WHERE id = ?1";
    OFFERS_HOLD = "SELECT claim.request_id AS request_id, claim.worker AS worker, \
        claim.locks AS locks, request.builder AS builder \
        FROM claim JOIN request ON request.id = claim.request_id \
        WHERE claim.state = 'offered' ORDER BY claim.id";
    BUILDS_HOLD = "SELECT builder, number, worker, locks, COALESCE(steps_ended_at, \
        CASE WHEN state = 'lost' AND rerun = 'safe' THEN lost_at END) AS steps_ended_at FROM build \
        WHERE finished_at IS NULL ORDER BY id";
    STEPS_WAIT = "SELECT step.id AS step_id, step.name AS step, step.locks AS locks, \
        step.waiting_since AS waiting_since, build.number AS number, build.worker AS on_worker, \
        request.id AS id, request.builder AS builder, request.priority AS priority, \
        request.repository AS repository, request.branch AS branch, \
        request.revision AS revision, request.properties AS properties, \
        request.owner AS owner, request.reason AS reason, \
        request.submitted_at AS submitted_at, request.start_by AS start_by \
        FROM step JOIN build ON build.id = step.build_id \
        JOIN request ON request.id = build.request_id \
        WHERE step.state = 'waiting' AND build.finished_at IS NULL \
        AND build.state <> 'lost' ORDER BY step.id";
    STEPS_HOLD = "SELECT step.name AS name, step.locks AS locks, build.builder AS builder, \
        build.number AS number, build.worker AS worker \
        FROM build JOIN step ON step.build_id = build.id \
        WHERE build.finished_at IS NULL AND step.state = 'running' AND step.locks <> '[]' \
        AND NOT (build.state = 'lost' AND build.rerun = 'safe') \
        ORDER BY step.id";
}

impl Read<'_> {
    /// A claim and its answer so far. (Not named `claim`: that is what a write section does.)
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn claim_by_id(&self, id: ClaimId) -> Result<Option<(Claim, ClaimState)>, Error> {
        self.row(BY_ID, [id.0], answered)
    }

    /// The claim of an attempt and its answer so far.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn claim_of(&self, attempt: Attempt) -> Result<Option<(Claim, ClaimState)>, Error> {
        self.row(OF_ATTEMPT, (attempt.request.0, attempt.epoch), answered)
    }

    /// Every claim that waits for its answer.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn offered_claims(&self) -> Result<Vec<Claim>, Error> {
        self.rows(OFFERED, [], claim)
    }

    /// The locks a claim's build will hold.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn claim_locks(&self, id: ClaimId) -> Result<Vec<HeldLock>, Error> {
        let locks = self.row(LOCKS, [id.0], |row| parse::json(row, "locks"))?;
        locks.ok_or_else(|| Error::not_found(ClaimId::NOUN, id))
    }

    /// Who has slots and locks: offers, live builds, running steps with locks of their own. What
    /// the matcher works on, and what a claim is re-validated against.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn holdings(&self) -> Result<Vec<Holding>, Error> {
        let mut all = self.rows(OFFERS_HOLD, [], |row| {
            let request: i64 = row.get("request_id")?;
            holding(row, format!("request {request} (being offered)"), true)
        })?;
        all.extend(self.rows(BUILDS_HOLD, [], |row| {
            let mut holding = holding(row, build_name(row)?, true)?;
            if parse::time(row, "steps_ended_at")?.is_some() {
                holding.locks.clear();
                holding.runs = None;
            }
            Ok(holding)
        })?);
        all.extend(self.rows(STEPS_HOLD, [], |row| {
            let name: String = row.get("name")?;
            holding(row, format!("{} {name}", build_name(row)?), false)
        })?);
        Ok(all)
    }
}

impl Read<'_> {
    /// Every step that waits for the locks it takes.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn waiting_steps(&self) -> Result<Vec<Waiting>, Error> {
        self.rows(STEPS_WAIT, [], |row| {
            let step: String = row.get("step")?;
            Ok(Waiting {
                step: StepId(row.get("step_id")?),
                by: format!("{} {step}", build_name(row)?),
                view: parse::request_view(row)?,
                worker: row.get("on_worker")?,
                locks: parse::json(row, "locks")?,
            })
        })
    }
}

fn build_name(row: &Row<'_>) -> Result<String, Error> {
    let (builder, number): (String, i64) = (row.get("builder")?, row.get("number")?);
    Ok(format!("{builder}/{number}"))
}

fn holding(row: &Row<'_>, by: String, slot: bool) -> Result<Holding, Error> {
    let runs = if slot { Some(row.get("builder")?) } else { None };
    Ok(Holding { by, worker: row.get("worker")?, slot, locks: parse::json(row, "locks")?, runs })
}

fn answered(row: &Row<'_>) -> Result<(Claim, ClaimState), Error> {
    Ok((claim(row)?, parse::word(row, "state", ClaimState::from_word)?))
}

fn claim(row: &Row<'_>) -> Result<Claim, Error> {
    let attempt = Attempt { request: RequestId(row.get("request_id")?), epoch: row.get("epoch")? };
    Ok(Claim {
        id: ClaimId(row.get("id")?),
        attempt,
        worker: row.get("worker")?,
        deadline_at: Micros(row.get("deadline_at")?),
    })
}
