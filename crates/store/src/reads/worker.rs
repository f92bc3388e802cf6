//! Workers.

use std::collections::BTreeMap;

use rusqlite::Row;
use steading_core::words::{Quarantine, Worker, WorkerId, WorkerState};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, name, state, slots, labels, draining, draining_by, draining_why, \
             paused_by, paused_why, lost_at, missing_at, reset_every, dirty_at, reset_at, \
             reset_failures, failures, quarantined_until, quarantined_why, quarantines, troubles, \
             (SELECT COUNT(*) FROM build WHERE build.worker = worker.name \
             AND build.id > worker.reset_build) AS builds_since_reset FROM worker ",
            $tail
        )
    };
}

statements! {
    BY_NAME = select!("WHERE name = ?1");
    ALL = select!("ORDER BY name");
    TO_RESET = select!("WHERE dirty_at IS NOT NULL AND paused_by IS NULL \
        AND state IN ('offline', 'ready') AND NOT EXISTS (SELECT 1 FROM build \
        WHERE build.worker = worker.name AND build.finished_at IS NULL) \
        AND NOT EXISTS (SELECT 1 FROM claim WHERE claim.worker = worker.name \
        AND claim.state = 'offered') ORDER BY name");
    LAST_BUILDERS = "SELECT worker.name AS worker, (SELECT build.builder FROM build \
        WHERE build.worker = worker.name ORDER BY build.id DESC LIMIT 1) AS builder FROM worker";
}

impl Read<'_> {
    /// A worker, by name.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn worker(&self, name: &str) -> Result<Option<Worker>, Error> {
        Ok(self.worker_row(name)?.map(|(_, worker)| worker))
    }

    pub(crate) fn worker_row(&self, name: &str) -> Result<Option<(WorkerId, Worker)>, Error> {
        self.row(BY_NAME, [name], |row| Ok((WorkerId(row.get("id")?), worker(row)?)))
    }

    /// Every worker the farm has met, by name.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn workers(&self) -> Result<Vec<Worker>, Error> {
        self.rows(ALL, [], worker)
    }

    /// The workers that may be reset now: due for it, with nothing to do, neither paused nor in
    /// quarantine.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn workers_to_reset(&self) -> Result<Vec<Worker>, Error> {
        let mut workers = self.rows(TO_RESET, [], worker)?;
        let now = self.now();
        let free = |worker: &Worker| worker.quarantine.as_ref().is_none_or(|q| q.until <= now);
        workers.retain(|worker| worker.reset_due() && free(worker));
        Ok(workers)
    }

    /// The builder of each worker's newest build.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn last_builders(&self) -> Result<BTreeMap<String, String>, Error> {
        let all = self.rows(LAST_BUILDERS, [], |row| {
            Ok((row.get::<_, String>("worker")?, row.get::<_, Option<String>>("builder")?))
        })?;
        Ok(all.into_iter().filter_map(|(worker, builder)| Some((worker, builder?))).collect())
    }
}

fn worker(row: &Row<'_>) -> Result<Worker, Error> {
    let why = row.get::<_, Option<String>>("draining_why")?.unwrap_or_default();
    Ok(Worker {
        name: row.get("name")?,
        state: parse::word(row, "state", WorkerState::from_word)?,
        slots: row.get("slots")?,
        labels: parse::json(row, "labels")?,
        draining: row.get("draining")?,
        draining_by: row.get::<_, Option<String>>("draining_by")?.map(|by| (by, why)),
        paused_by: row.get("paused_by")?,
        paused_why: row.get("paused_why")?,
        lost_at: parse::time(row, "lost_at")?,
        missing_at: parse::time(row, "missing_at")?,
        reset_every: row.get("reset_every")?,
        dirty_at: parse::time(row, "dirty_at")?,
        builds_since_reset: row.get("builds_since_reset")?,
        reset_at: parse::time(row, "reset_at")?,
        failures: row.get::<_, Option<i64>>("failures")?.unwrap_or_default(),
        quarantine: quarantine(row)?,
        reset_failures: row.get::<_, Option<i64>>("reset_failures")?.unwrap_or_default(),
        troubles: parse::json_or_null(row, "troubles")?.unwrap_or_default(),
    })
}

fn quarantine(row: &Row<'_>) -> Result<Option<Quarantine>, Error> {
    let Some(until) = parse::time(row, "quarantined_until")? else { return Ok(None) };
    let why = row.get::<_, Option<String>>("quarantined_why")?.unwrap_or_default();
    Ok(Some(Quarantine { until, why, times: row.get("quarantines")? }))
}
