//! Requests: completed, returned to the queue, cancelled, reordered, collapsed.

use steading_core::lifecycle;
use steading_core::words::{
    Attempt, BuildId, Claim, ClaimState, EventKind, Outcome, Reason, Request, RequestId,
    RequestState,
};

use super::build::CancelBuild;
use super::row::{cells, json_or_null};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    COLLAPSED_INTO = "SELECT id FROM request WHERE collapsed_into = ?1 AND state = 'collapsed' \
        ORDER BY id";
    LIVE_BUILD = "SELECT id FROM build WHERE request_id = ?1 AND finished_at IS NULL";
}

/// What cancelling a request did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelRequest {
    /// It was waiting, or offered: it is complete, cancelled. The offer, if any, is withdrawn and
    /// its worker should hear of it.
    Complete {
        /// The withdrawn offer.
        withdrawn: Option<Claim>,
    },
    /// It is being built: the build is cancelling and completes it.
    Building {
        /// Its live build.
        build: BuildId,
        /// What came of cancelling that.
        cancel: CancelBuild,
    },
}

impl Write<'_> {
    /// Cancels a request: a pending or offered one completes at once, a live build is cancelled and
    /// completes it. Requests that were collapsed into it return to the queue.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when it is complete already.
    pub fn cancel_request(
        &mut self,
        id: RequestId,
        by: &str,
        why: &str,
    ) -> Result<CancelRequest, Error> {
        let request = self.require_request(id)?;
        if let Some(build) = self.row(LIVE_BUILD, [id.0], |row| Ok(BuildId(row.get(0)?)))? {
            return Ok(CancelRequest::Building {
                build,
                cancel: self.cancel_build(build, by, why)?,
            });
        }
        lifecycle::request(request.state, RequestState::Complete)?;
        let reason = cancel_reason(by, why);
        let withdrawn = self.withdraw_offer(id, &reason)?;
        self.complete_request(id, Outcome::Cancelled, Some(&reason))?;
        Ok(CancelRequest::Complete { withdrawn })
    }

    /// Gives a request that is not complete another priority.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when it is complete.
    pub fn prioritize(&mut self, id: RequestId, priority: i64, by: &str) -> Result<(), Error> {
        let request = self.require_request(id)?;
        if request.state == RequestState::Complete {
            return Err(Error::Stale(format!("request {id} is complete already")));
        }
        if request.priority == priority {
            return Ok(());
        }
        let cells = cells! { priority: priority, prioritized_by: by };
        self.patch(EventKind::RequestPrioritized, RequestId::NOUN, id.0, cells)
    }

    /// Notes of those requests that still wait, have not started, and were to start by now, that
    /// they are overdue: once for each. Gives how many there were.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn note_overdue(&mut self, requests: &[RequestId]) -> Result<usize, Error> {
        let mut noted = 0;
        for id in requests {
            let request = self.require_request(*id)?;
            let waits = request.state == RequestState::Pending && request.build_id.is_none();
            let due = request.start_by.is_some_and(|at| at <= self.now());
            if !waits || !due || request.overdue_at.is_some() {
                continue;
            }
            let cells = cells! { overdue_at: self.now() };
            self.patch(EventKind::RequestOverdue, RequestId::NOUN, id.0, cells)?;
            noted += 1;
        }
        Ok(noted)
    }

    /// Folds a pending request into a newer pending one, with which it will complete; the survivor
    /// keeps the higher priority, the older submit time and the earlier time it is to start by.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` or `Stale` when either is no longer pending.
    pub fn collapse(&mut self, older: RequestId, survivor: RequestId) -> Result<(), Error> {
        let (old, kept) = (self.require_request(older)?, self.require_request(survivor)?);
        lifecycle::request(old.state, RequestState::Collapsed)?;
        if kept.state != RequestState::Pending || older == survivor {
            let why = format!("request {survivor} is not another pending request");
            return Err(Error::Stale(why));
        }
        let state = RequestState::Collapsed.word();
        let cells = cells! { state: state, collapsed_into: survivor.0 };
        self.patch(EventKind::RequestCollapsed, RequestId::NOUN, older.0, cells)?;
        // What the older one had absorbed moves along, so that chains stay one link long.
        for absorbed in self.collapsed_into(older)? {
            let cells = cells! { collapsed_into: survivor.0 };
            self.patch(EventKind::RequestCollapsed, RequestId::NOUN, absorbed.0, cells)?;
        }
        let start_by = old.start_by.into_iter().chain(kept.start_by).min();
        let inherited = (old.priority.max(kept.priority), old.submitted_at.min(kept.submitted_at));
        if (inherited, start_by) != ((kept.priority, kept.submitted_at), kept.start_by) {
            let cells = cells! {
                priority: inherited.0, submitted_at: inherited.1, start_by: start_by,
            };
            self.patch(EventKind::RequestPrioritized, RequestId::NOUN, survivor.0, cells)?;
        }
        Ok(())
    }

    /// Completes a request, those collapsed into it, and each buildset that has no other left.
    pub(super) fn complete_request(
        &mut self,
        id: RequestId,
        outcome: Outcome,
        reason: Option<&Reason>,
    ) -> Result<(), Error> {
        let request = self.require_request(id)?;
        lifecycle::request(request.state, RequestState::Complete)?;
        let cells = cells! {
            state: RequestState::Complete.word(), complete_at: self.now(), outcome: outcome.word(),
            outcome_reason: json_or_null(reason),
        };
        self.patch(EventKind::RequestCompleted, RequestId::NOUN, id.0, cells)?;
        self.settle_buildset(request.buildset_id)?;
        for folded in self.collapsed_into(id)? {
            if outcome == Outcome::Cancelled {
                self.return_request(folded)?;
            } else {
                self.complete_request(folded, outcome, reason)?;
            }
        }
        Ok(())
    }

    /// Takes back the offer of a request that is being offered, if it is.
    pub(super) fn withdraw_offer(
        &mut self,
        id: RequestId,
        reason: &Reason,
    ) -> Result<Option<Claim>, Error> {
        let attempt = Attempt { request: id, epoch: self.require_request(id)?.epoch };
        let offer = self.claim_of(attempt)?.filter(|(_, state)| *state == ClaimState::Offered);
        let withdrawn = offer.map(|(claim, _)| claim);
        if let Some(claim) = &withdrawn {
            self.end_claim(claim.id, ClaimState::Withdrawn, Some(reason))?;
        }
        Ok(withdrawn)
    }

    /// Puts a request back into the queue.
    pub(super) fn return_request(&mut self, id: RequestId) -> Result<(), Error> {
        let request = self.require_request(id)?;
        lifecycle::request(request.state, RequestState::Pending)?;
        let cells = cells! {
            state: RequestState::Pending.word(), worker: None::<&str>, collapsed_into: None::<i64>,
            claimed_at: None::<i64>,
        };
        self.patch(EventKind::RequestReturned, RequestId::NOUN, id.0, cells)
    }

    pub(super) fn require_request(&self, id: RequestId) -> Result<Request, Error> {
        self.request(id)?.ok_or_else(|| Error::not_found(RequestId::NOUN, id))
    }

    fn collapsed_into(&self, id: RequestId) -> Result<Vec<RequestId>, Error> {
        self.rows(COLLAPSED_INTO, [id.0], |row| Ok(RequestId(row.get(0)?)))
    }
}

/// The reason of everything a cancel ends.
pub(super) fn cancel_reason(by: &str, why: &str) -> Reason {
    let text = if why.is_empty() {
        format!("cancelled by {by}")
    } else {
        format!("cancelled by {by}: {why}")
    };
    Reason::new("cancelled", text)
}
