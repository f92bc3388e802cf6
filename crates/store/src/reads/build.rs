//! Builds, their steps and logs.

use rusqlite::Row;
use steading_core::farm::Rerun;
use steading_core::words::{
    Attempt, Build, BuildId, BuildState, BuildsetId, ConfigId, Duration, Log, LogId, Micros,
    RequestId, Step, StepId, StepState,
};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

/// How many builds the usual duration looks back at: `GREEN`'s limit.
const USUAL_OF: i64 = 11;

macro_rules! build {
    ($tail:literal) => {
        concat!(
            "SELECT id, builder, number, request_id, buildset_id, epoch, worker, state, outcome, \
             outcome_reason, repository, branch, revision, properties, owner, locks, plan, \
             configuration_id, started_at, steps_ended_at, finished_at, rerun, cancelled, \
             cancelled_at, lost_at, forsaken FROM build ",
            $tail
        )
    };
}

macro_rules! step {
    ($tail:literal) => {
        concat!(
            "SELECT id, build_id, number, name, state, outcome, outcome_reason, waits_until, \
             started_at, finished_at FROM step ",
            $tail
        )
    };
}

macro_rules! log {
    ($tail:literal) => {
        concat!("SELECT id, build_id, step_id, name, closed, hash, bytes FROM log ", $tail)
    };
}

statements! {
    BUILD = build!("WHERE id = ?1");
    STANDING = "SELECT state, worker FROM build WHERE id = ?1";
    BUILD_OF = build!("WHERE request_id = ?1 AND epoch = ?2");
    NUMBERED = build!("WHERE builder = ?1 AND number = ?2");
    LIVE = build!("WHERE finished_at IS NULL ORDER BY id");
    LOST_OF = build!("WHERE request_id = ?1 AND state = 'lost' ORDER BY id");
    LONG_STEPS = "SELECT build_id, number, started_at FROM step WHERE state = 'running' \
        AND started_at < ?1 ORDER BY id";
    LIVE_ON = build!("WHERE worker = ?1 AND finished_at IS NULL ORDER BY id");
    GREEN = "SELECT started_at, finished_at FROM build \
        WHERE builder = ?1 AND outcome IN ('success', 'warnings') ORDER BY number DESC LIMIT ?2";
    STEP = step!("WHERE id = ?1");
    STEPS = step!("WHERE build_id = ?1 ORDER BY number");
    RUNNING_STEPS = step!("WHERE build_id = ?1 AND state <> 'finished' ORDER BY number");
    LOG = log!("WHERE id = ?1");
    LOGS = log!("WHERE build_id = ?1 ORDER BY id");
    OPEN_LOGS = log!("WHERE closed = 0 ORDER BY id");
}

impl Read<'_> {
    /// A build.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn build(&self, id: BuildId) -> Result<Option<Build>, Error> {
        self.row(BUILD, [id.0], build)
    }

    /// The state of a build and its worker: little of a row that is long.
    pub(crate) fn standing(&self, id: BuildId) -> Result<(BuildState, String), Error> {
        let standing = self.row(STANDING, [id.0], |row| {
            Ok((parse::word(row, "state", BuildState::from_word)?, row.get("worker")?))
        });
        standing?.ok_or_else(|| Error::not_found(BuildId::NOUN, id))
    }

    /// The build an attempt became, if it was accepted.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn build_of(&self, attempt: Attempt) -> Result<Option<Build>, Error> {
        self.row(BUILD_OF, (attempt.request.0, attempt.epoch), build)
    }

    /// The build people call `builder/number`.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn build_numbered(&self, builder: &str, number: i64) -> Result<Option<Build>, Error> {
        self.row(NUMBERED, (builder, number), build)
    }

    /// Every build that is not finished.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn live_builds(&self) -> Result<Vec<Build>, Error> {
        self.rows(LIVE, [], build)
    }

    /// The builds of a request that are lost, and may come back.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn lost_builds_of(&self, request: RequestId) -> Result<Vec<Build>, Error> {
        self.rows(LOST_OF, [request.0], build)
    }

    /// The running steps that were sent before that time: build, number, when.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn steps_sent_before(&self, at: Micros) -> Result<Vec<(BuildId, i64, Micros)>, Error> {
        self.rows(LONG_STEPS, [at.0], |row| {
            Ok((BuildId(row.get(0)?), row.get(1)?, Micros(row.get(2)?)))
        })
    }

    /// Every build on a worker that is not finished.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn live_builds_on(&self, worker: &str) -> Result<Vec<Build>, Error> {
        self.rows(LIVE_ON, [worker], build)
    }

    /// How long a builder's builds usually take: the median of its last 11 green ones.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn usual_duration(&self, builder: &str) -> Result<Option<Duration>, Error> {
        let mut all = self.rows(GREEN, (builder, USUAL_OF), |row| {
            Ok(Micros(row.get("finished_at")?).since(Micros(row.get("started_at")?)))
        })?;
        all.sort_unstable();
        Ok(all.get(all.len() / 2).copied())
    }

    /// A step.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn step(&self, id: StepId) -> Result<Option<Step>, Error> {
        self.row(STEP, [id.0], step)
    }

    /// A build's steps so far, in order.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn steps(&self, build: BuildId) -> Result<Vec<Step>, Error> {
        self.rows(STEPS, [build.0], step)
    }

    /// Those that run, and one that waits for its locks.
    pub(crate) fn running_steps(&self, build: BuildId) -> Result<Vec<Step>, Error> {
        self.rows(RUNNING_STEPS, [build.0], step)
    }

    /// A log.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn log(&self, id: LogId) -> Result<Option<Log>, Error> {
        self.row(LOG, [id.0], log)
    }

    /// A build's logs.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn logs(&self, build: BuildId) -> Result<Vec<Log>, Error> {
        self.rows(LOGS, [build.0], log)
    }

    /// Every log that is not closed.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn open_logs(&self) -> Result<Vec<Log>, Error> {
        self.rows(OPEN_LOGS, [], log)
    }
}

fn build(row: &Row<'_>) -> Result<Build, Error> {
    Ok(Build {
        id: BuildId(row.get("id")?),
        builder: row.get("builder")?,
        number: row.get("number")?,
        attempt: Attempt { request: RequestId(row.get("request_id")?), epoch: row.get("epoch")? },
        buildset_id: BuildsetId(row.get("buildset_id")?),
        worker: row.get("worker")?,
        state: parse::word(row, "state", BuildState::from_word)?,
        outcome: parse::outcome(row)?,
        outcome_reason: parse::reason(row)?,
        stamp: parse::stamp(row)?,
        properties: parse::json(row, "properties")?,
        owner: row.get("owner")?,
        locks: parse::json(row, "locks")?,
        plan: parse::json(row, "plan")?,
        configuration_id: ConfigId(row.get("configuration_id")?),
        started_at: Micros(row.get("started_at")?),
        steps_ended_at: parse::time(row, "steps_ended_at")?,
        finished_at: parse::time(row, "finished_at")?,
        rerun: Rerun::from_word(row.get::<_, Option<String>>("rerun")?.as_deref()),
        cancelled: row.get("cancelled")?,
        cancelled_at: parse::time(row, "cancelled_at")?,
        lost_at: parse::time(row, "lost_at")?,
        forsaken: row.get("forsaken")?,
    })
}

fn step(row: &Row<'_>) -> Result<Step, Error> {
    Ok(Step {
        id: StepId(row.get("id")?),
        build_id: BuildId(row.get("build_id")?),
        number: row.get("number")?,
        name: row.get("name")?,
        state: parse::word(row, "state", StepState::from_word)?,
        outcome: parse::outcome(row)?,
        outcome_reason: parse::reason(row)?,
        waits_until: parse::time(row, "waits_until")?,
        started_at: parse::time(row, "started_at")?,
        finished_at: parse::time(row, "finished_at")?,
    })
}

fn log(row: &Row<'_>) -> Result<Log, Error> {
    Ok(Log {
        id: LogId(row.get("id")?),
        build_id: BuildId(row.get("build_id")?),
        step_id: StepId(row.get("step_id")?),
        name: row.get("name")?,
        closed: row.get("closed")?,
        hash: row.get("hash")?,
        bytes: row.get("bytes")?,
    })
}
