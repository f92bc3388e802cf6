//! Requests that something else has made superfluous.

use rusqlite::Row;
use steading_core::words::RequestId;

use crate::sql::statements;
use crate::{Error, Read};

statements! {
    FAILED_FAST = "SELECT request.id AS id, failed.builder AS builder, failed.outcome AS outcome \
        FROM buildset JOIN request AS failed ON failed.buildset_id = buildset.id \
        AND failed.outcome IN ('failure', 'exception') \
        JOIN request ON request.buildset_id = buildset.id \
        AND request.state IN ('pending', 'claimed', 'collapsed') \
        WHERE buildset.fail_fast = 1 AND buildset.complete_at IS NULL \
        AND NOT EXISTS (SELECT 1 FROM build WHERE build.request_id = request.id \
        AND build.finished_at IS NULL AND build.state <> 'running' AND build.state <> 'lost') \
        ORDER BY buildset.id, request.id, failed.id";
    SUPERSEDED = "SELECT request.id AS id, newer.revision AS revision, newer.branch AS branch \
        FROM request JOIN buildset ON buildset.id = request.buildset_id \
        JOIN request AS newer ON newer.builder = request.builder AND newer.id > request.id \
        AND newer.repository = request.repository AND newer.branch = request.branch \
        AND newer.revision <> request.revision \
        JOIN buildset AS newest ON newest.id = newer.buildset_id \
        AND newest.scheduler = buildset.scheduler \
        WHERE request.state IN ('pending', 'claimed') AND buildset.scheduler = ?1 \
        AND NOT EXISTS (SELECT 1 FROM build WHERE build.request_id = request.id \
        AND build.finished_at IS NULL AND build.state <> 'running' AND build.state <> 'lost') \
        ORDER BY request.id, newer.id DESC";
}

/// A request to be cancelled, by whom and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwanted {
    /// Which.
    pub request: RequestId,
    /// Who cancels it.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Read<'_> {
    /// What is to be cancelled because of something else: the rest of buildsets that fail fast, and
    /// what newer revisions of these schedulers supersede. What is about to end anyway is left.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn unwanted(&self, superseding: &[String]) -> Result<Vec<Unwanted>, Error> {
        let mut found = self.rows(FAILED_FAST, [], |row| {
            let (builder, outcome): (String, String) = (row.get("builder")?, row.get("outcome")?);
            let why = format!("{builder} of the same buildset ended with {outcome}");
            unwanted(row, "fail_fast", why)
        })?;
        for scheduler in superseding {
            found.extend(self.rows(SUPERSEDED, [scheduler], |row| {
                let revision: String = row.get("revision")?;
                let short: String = revision.chars().take(10).collect();
                let branch: String = row.get("branch")?;
                let why = format!("superseded by {short}, a newer revision of {branch}");
                unwanted(row, scheduler, why)
            })?);
        }
        found.dedup_by_key(|unwanted| unwanted.request);
        Ok(found)
    }
}

fn unwanted(row: &Row<'_>, by: &str, why: String) -> Result<Unwanted, Error> {
    Ok(Unwanted { request: RequestId(row.get("id")?), by: by.to_owned(), why })
}
