//! Buildsets: one reason, its code, its requests.

use serde_json::Value as Json;
use steading_core::settle::buildset_outcome;
use steading_core::words::{
    BuildsetId, ChangeId, ConfigId, Duration, EventKind, Outcome, Properties, Reason, RequestId,
    RequestState, SourceStamp,
};

use super::row::{Cells, cells, json, json_or_null};
use crate::{Error, Write};

/// A buildset to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBuildset {
    /// Why it exists.
    pub reason: String,
    /// The scheduler that makes it.
    pub scheduler: Option<String>,
    /// Who asked for it.
    pub owner: Option<String>,
    /// Which code: absolute. Its requests build the first one.
    pub stamps: Vec<SourceStamp>,
    /// The changes it is blamed on.
    pub changes: Vec<ChangeId>,
    /// The configuration it begins with.
    pub configuration_id: ConfigId,
    /// What is to be built.
    pub requests: Vec<NewRequest>,
    /// Whether its first failure cancels the rest of it.
    pub fail_fast: bool,
}

/// A request of a new buildset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// The builder that shall build it.
    pub builder: String,
    /// Higher goes first, where the policy says so.
    pub priority: i64,
    /// Values by name.
    pub properties: Properties,
    /// The only worker that may build it.
    pub pinned_worker: Option<String>,
    /// How long it waits at most before it goes before all others.
    pub start_within: Option<Duration>,
}

/// What came of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The buildset.
    pub buildset: BuildsetId,
    /// Its requests, in the order given.
    pub requests: Vec<RequestId>,
}

impl Submitted {
    /// As an idempotency answer keeps it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        serde_json::json!({ "buildset": self.buildset, "requests": self.requests })
    }
}

impl Write<'_> {
    /// Submits a buildset and its requests, all pending. One without requests is complete at once,
    /// skipped.
    ///
    /// # Errors
    /// `NotFound` when a change or the configuration is unknown.
    pub fn submit_buildset(&mut self, new: &NewBuildset) -> Result<Submitted, Error> {
        let done = new
            .requests
            .is_empty()
            .then(|| (Outcome::Skipped, Reason::new("no_builder", "there was nothing to build")));
        let done = done.as_ref().map(|(outcome, reason)| (*outcome, reason));
        let buildset = self.insert_buildset(new, done)?;
        let mut requests = Vec::with_capacity(new.requests.len());
        for request in &new.requests {
            requests.push(self.insert_request(buildset, new, request)?);
        }
        Ok(Submitted { buildset, requests })
    }

    /// Records a buildset that failed before it could have requests: complete at once, `exception`.
    ///
    /// # Errors
    /// `NotFound` when a change or the configuration is unknown.
    pub fn fail_buildset(
        &mut self,
        new: &NewBuildset,
        reason: &Reason,
    ) -> Result<BuildsetId, Error> {
        self.insert_buildset(new, Some((Outcome::Exception, reason)))
    }

    fn insert_buildset(
        &mut self,
        new: &NewBuildset,
        done: Option<(Outcome, &Reason)>,
    ) -> Result<BuildsetId, Error> {
        self.require_changes(&new.changes)?;
        self.require_configuration(new.configuration_id)?;
        let id = self.insert(
            EventKind::BuildsetSubmitted,
            BuildsetId::NOUN,
            cells! {
                reason: &new.reason, scheduler: new.scheduler.as_ref(), owner: new.owner.as_ref(),
                source_stamps: json(&new.stamps), changes: json(&new.changes),
                configuration_id: new.configuration_id.0, submitted_at: self.now(),
                fail_fast: new.fail_fast,
            },
            vec![],
        )?;
        if let Some((outcome, reason)) = done {
            self.end_buildset(BuildsetId(id), outcome, Some(reason))?;
        }
        Ok(BuildsetId(id))
    }

    fn insert_request(
        &mut self,
        buildset: BuildsetId,
        of: &NewBuildset,
        new: &NewRequest,
    ) -> Result<RequestId, Error> {
        let stamp = of.stamps.first();
        let mut cells: Cells = cells! {
            buildset_id: buildset.0, builder: &new.builder, priority: new.priority,
            state: RequestState::Pending.word(), epoch: 0, properties: json(&new.properties),
            owner: of.owner.as_ref(), reason: &of.reason,
            pinned_worker: new.pinned_worker.as_ref(), configuration_id: of.configuration_id.0,
            submitted_at: self.now(), start_by: new.start_within.map(|span| self.now().plus(span)),
        };
        if let Some(SourceStamp { repository, branch, revision }) = stamp {
            cells.extend(cells! { repository: repository, branch: branch, revision: revision });
        }
        let noun = RequestId::NOUN;
        Ok(RequestId(self.insert(EventKind::RequestSubmitted, noun, cells, vec![])?))
    }

    /// Completes a buildset if its last request is complete: with the worst of their outcomes.
    pub(super) fn settle_buildset(&mut self, id: BuildsetId) -> Result<(), Error> {
        let outcomes = self.outcomes_of(id)?;
        let Some(all) = outcomes.into_iter().collect::<Option<Vec<_>>>() else { return Ok(()) };
        self.end_buildset(id, buildset_outcome(all), None)
    }

    fn end_buildset(
        &mut self,
        id: BuildsetId,
        outcome: Outcome,
        reason: Option<&Reason>,
    ) -> Result<(), Error> {
        let cells = cells! {
            complete_at: self.now(), outcome: outcome.word(), outcome_reason: json_or_null(reason),
        };
        self.patch(EventKind::BuildsetCompleted, BuildsetId::NOUN, id.0, cells)
    }
}
