//! Claims: a request offered to one worker, re-validated against stored facts, and its answer.

use std::collections::BTreeMap;

use steading_core::farm::{Lock, LockCapacity};
use steading_core::lifecycle;
use steading_core::matcher;
use steading_core::settle::blame::Trust;
use steading_core::words::{
    Access, Attempt, Claim, ClaimId, ClaimState, Decided, EventKind, HeldLock, Micros, Reason,
    RequestId, RequestState, Worker, WorkerId, WorkerState,
};

use super::row::{cells, json, json_or_null};
use crate::sql::statements;
use crate::{Error, Write};

/// Offers a worker may refuse in a row, for want of a slot, before that is charged to it.
const REFUSALS_MAX: i64 = 20;

statements! {
    REFUSED = "UPDATE worker SET refusals = refusals + 1 WHERE name = ?1";
    REFUSALS = "SELECT refusals FROM worker WHERE name = ?1";
    SLOTS_IN_USE = "SELECT (SELECT COUNT(*) FROM build WHERE worker = ?1 AND finished_at IS NULL) \
        + (SELECT COUNT(*) FROM claim WHERE worker = ?1 AND state = 'offered')";
}

/// A match to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClaim {
    /// The request.
    pub request: RequestId,
    /// The worker it is to be offered to.
    pub worker: String,
    /// What the match was decided on.
    pub decided: Decided,
    /// The locks its build will hold.
    pub locks: Vec<LockNeed>,
    /// When the offer expires unanswered.
    pub deadline: Micros,
}

/// A lock wanted on a worker, with what the configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockNeed {
    /// The lock's name.
    pub lock: String,
    /// How much of it.
    pub access: Access,
    /// How many units it has there.
    pub units: i64,
    /// Whether each worker has units of its own.
    pub per_worker: bool,
}

impl LockNeed {
    /// As it is held.
    #[must_use]
    pub fn held(&self) -> HeldLock {
        HeldLock { lock: self.lock.clone(), access: self.access }
    }
}

/// What a list of needs will hold, as stored.
pub(super) fn held(needs: &[LockNeed]) -> Vec<HeldLock> {
    needs.iter().map(LockNeed::held).collect()
}

impl Write<'_> {
    /// Offers a request to a worker under its next epoch, if everything the match relied on still
    /// holds: the request waits, the worker takes builds, a slot is free, every lock is grantable.
    ///
    /// # Errors
    /// `NotFound`; `Stale` naming what no longer holds.
    pub fn claim(&mut self, new: &NewClaim) -> Result<Claim, Error> {
        let request = self.require_request(new.request)?;
        if request.state != RequestState::Pending {
            let why = format!("request {} is {}, not pending", request.id, request.state);
            return Err(Error::Stale(why));
        }
        lifecycle::request(request.state, RequestState::Claimed)?;
        if request.pinned_worker.as_ref().is_some_and(|pin| *pin != new.worker) {
            let why = format!("request {} is pinned to another worker", request.id);
            return Err(Error::Stale(why));
        }
        self.require_open(&request.builder)?;
        let (id, worker) = self.require_free_slot(&new.worker)?;
        self.require_below_limits(&request.builder, &new.worker)?;
        self.require_grantable(&new.worker, &new.locks)?;
        let epoch = request.epoch + 1;
        let request_cells = cells! {
            state: RequestState::Claimed.word(), epoch: epoch, worker: &new.worker,
            claimed_at: self.now(),
        };
        self.patch(EventKind::RequestClaimed, RequestId::NOUN, request.id.0, request_cells)?;
        self.soil(id, &worker)?;
        let id = self.insert(
            EventKind::ClaimOffered,
            ClaimId::NOUN,
            cells! {
                request_id: request.id.0, epoch: epoch, worker: &new.worker,
                state: ClaimState::Offered.word(), match_seq: new.decided.seq.0,
                match_at: new.decided.at, offered_at: self.now(), deadline_at: new.deadline,
            },
            cells! { locks: json(&held(&new.locks)) },
        )?;
        Ok(Claim {
            id: ClaimId(id),
            attempt: Attempt { request: request.id, epoch },
            worker: new.worker.clone(),
            deadline_at: new.deadline,
        })
    }

    /// Ends an offer without a build – withdrawn, refused or expired – and returns its request to
    /// the queue.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when it has an answer already. Accepting is `accept`.
    pub fn answer_claim(
        &mut self,
        id: ClaimId,
        state: ClaimState,
        reason: Option<&Reason>,
    ) -> Result<(), Error> {
        if state == ClaimState::Accepted {
            return Err(Error::Stale(format!(
                "claim {id} can only be accepted by making its build"
            )));
        }
        let claim = self.end_claim(id, state, reason)?;
        self.return_request(claim.attempt.request)
    }

    /// Nobody answered an offer in time: its request returns to the queue, and the worker is
    /// charged with it.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when it has an answer already.
    pub fn expire_claim(&mut self, id: ClaimId) -> Result<(), Error> {
        let (claim, _) =
            self.claim_by_id(id)?.ok_or_else(|| Error::not_found(ClaimId::NOUN, id))?;
        let worker = &claim.worker;
        let reason = Reason::new("no_answer", format!("worker `{worker}` did not answer"));
        self.answer_claim(id, ClaimState::Expired, Some(&reason))?;
        self.blame_offer(worker, claim.attempt.request, &reason)
    }

    /// A worker refused an offer: its request returns to the queue. One that stops, or still ends
    /// what it was told to drop, does so rightly; one that refuses again and again does not.
    ///
    /// # Errors
    /// `NotFound`; `Illegal` when the offer has an answer already.
    pub fn refuse_claim(&mut self, id: ClaimId, reason: &Reason) -> Result<(), Error> {
        let (claim, _) =
            self.claim_by_id(id)?.ok_or_else(|| Error::not_found(ClaimId::NOUN, id))?;
        self.answer_claim(id, ClaimState::Refused, Some(reason))?;
        if reason.code == "stopping" {
            return Ok(());
        }
        let worker = &claim.worker;
        self.execute(REFUSED, [worker])?;
        let refusals = self.int(REFUSALS, [worker])?;
        let rightly = matches!(reason.code.as_str(), "no_slot" | "dropped");
        if rightly && refusals % REFUSALS_MAX != 0 {
            return Ok(());
        }
        let text =
            format!("worker `{worker}` refused {refusals} offers in a row; the last: {reason}");
        self.blame_offer(worker, claim.attempt.request, &Reason::new("refused", text))
    }

    /// Ends an offer; its request is the caller's to move on.
    pub(super) fn end_claim(
        &mut self,
        id: ClaimId,
        state: ClaimState,
        reason: Option<&Reason>,
    ) -> Result<Claim, Error> {
        let found = self.claim_by_id(id)?;
        let (claim, from) = found.ok_or_else(|| Error::not_found(ClaimId::NOUN, id))?;
        lifecycle::claim(from, state)?;
        let cells = cells! {
            state: state.word(), answered_at: self.now(), answer_reason: json_or_null(reason),
        };
        self.patch(EventKind::ClaimAnswered, ClaimId::NOUN, id.0, cells)?;
        Ok(claim)
    }

    /// Nobody holds the farm or the builder back.
    fn require_open(&self, builder: &str) -> Result<(), Error> {
        if let Some(why) = self.farm_row()?.held() {
            return Err(Error::Stale(why));
        }
        match self.builder_paused(builder)? {
            Some(paused) => Err(Error::Stale(paused.of(&format!("builder {builder}")))),
            None => Ok(()),
        }
    }

    fn require_free_slot(&self, name: &str) -> Result<(WorkerId, Worker), Error> {
        let (id, worker) = self.require_worker(name)?;
        let stale = |why: &str| Err(Error::Stale(format!("worker {name} {why}")));
        if worker.state != WorkerState::Ready {
            return stale(&format!("is {}", worker.state));
        }
        if worker.draining {
            return stale("drains");
        }
        if let Some(by) = &worker.paused_by {
            return stale(&format!("is paused by {by}"));
        }
        if worker.reset_due() {
            return stale("is to be reset first");
        }
        if let Some(trouble) = worker.troubles.first() {
            return stale(&format!("takes nothing: {}", trouble.text));
        }
        if let (Trust::Quarantined, Some(q)) = (worker.trust(self.now()), &worker.quarantine) {
            return stale(&format!("is in quarantine: {}", q.why));
        }
        if self.int(SLOTS_IN_USE, [name])? >= worker.open_slots(self.now()) {
            return stale("has no free slot");
        }
        Ok((id, worker))
    }

    /// Refuses when a lock does not fit beside what live builds, offers and steps hold.
    pub(super) fn require_grantable(&self, worker: &str, needs: &[LockNeed]) -> Result<(), Error> {
        if needs.is_empty() {
            return Ok(());
        }
        let mut locks = BTreeMap::new();
        for need in needs {
            let capacity = LockCapacity::Units(need.units);
            let (name, per_worker) = (need.lock.clone(), need.per_worker);
            locks.insert(name.clone(), Lock { name, per_worker, capacity });
        }
        if matcher::grantable(&locks, &self.holdings()?, worker, &held(needs)) {
            return Ok(());
        }
        let names: Vec<&str> = needs.iter().map(|need| need.lock.as_str()).collect();
        Err(Error::Stale(format!("not all of the locks {} are free on {worker}", names.join(", "))))
    }
}
