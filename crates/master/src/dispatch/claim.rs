//! From a match to an offer: claimed in one section, re-validated there, sent after the commit.

use steading_core::lifecycle::deadlines;
use steading_core::matcher::{Match, Waiting};
use steading_core::words::{Claim, ClaimState, ConfigId, HeldLock, Reason, StepId};
use steading_store::{Error, LockNeed, NewClaim, Write};
use steading_wire::worker::ToWorker;

use super::snapshot::Snapshot;
use crate::context::Context;
use crate::farms::{FarmError, Present};
use crate::session::Mail;

/// Claims every match that is still true; one that is stale costs nothing and is decided afresh.
pub(super) async fn claim(
    context: &Context,
    known: &Snapshot,
    matches: &[Match],
) -> Result<Vec<Claim>, FarmError> {
    let Snapshot { present, decided, recipes, .. } = known;
    let new = |found: &Match| {
        let recipe = recipes.get(&found.request)?;
        let locks = recipe.locks.iter().map(|held| need(present, held, &found.worker));
        Some(NewClaim {
            request: found.request,
            locks: locks.collect(),
            worker: found.worker.clone(),
            decided: *decided,
            deadline: decided.at.plus(deadlines::OFFER),
        })
    };
    let wanted: Vec<NewClaim> = matches.iter().filter_map(new).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let farm = present.id;
    let claims = context.store.write("dispatch.claim", move |w| {
        let mut claims = Vec::new();
        if !is_in_force(w, farm)? {
            return Ok(claims);
        }
        for new in &wanted {
            match w.claim(new) {
                Ok(claim) => claims.push(claim),
                Err(Error::Stale(why)) => tracing::debug!(request = new.request.0, "stale: {why}"),
                Err(other) => return Err(other),
            }
        }
        Ok(claims)
    });
    Ok(claims.await?)
}

/// Gives steps the locks they wait for, where that is still possible, and wakes their drivers.
pub(super) async fn grant(
    context: &Context,
    known: &Snapshot,
    steps: Vec<Waiting>,
) -> Result<(), FarmError> {
    if steps.is_empty() {
        return Ok(());
    }
    let locks = |it: &Waiting| -> Vec<LockNeed> {
        it.locks.iter().map(|held| need(&known.present, held, &it.worker)).collect()
    };
    let wanted: Vec<(StepId, Vec<LockNeed>)> =
        steps.iter().map(|it| (it.step, locks(it))).collect();
    let farm = known.present.id;
    let granted = context.store.write("dispatch.grant", move |w| {
        let mut builds = Vec::new();
        if !is_in_force(w, farm)? {
            return Ok(builds);
        }
        for (step, locks) in &wanted {
            match w.grant_step(*step, locks) {
                Ok(build) => builds.push(build),
                Err(Error::Stale(why)) => tracing::debug!(step = step.0, "stale: {why}"),
                Err(other) => return Err(other),
            }
        }
        Ok(builds)
    });
    for build in granted.await? {
        context.sessions.mail(build, Mail::LookAgain);
    }
    Ok(())
}

/// Whether the farm that was decided by is still in force. What follows from another is decided
/// afresh once that one is here, which wakes dispatch.
fn is_in_force(w: &Write<'_>, farm: ConfigId) -> Result<bool, Error> {
    Ok(w.current_configuration()? == Some(farm))
}

/// A lock as the claiming section checks it: with the units it has on that worker.
pub(crate) fn need(present: &Present, held: &HeldLock, worker: &str) -> LockNeed {
    let lock = present.farm.locks.get(&held.lock);
    LockNeed {
        lock: held.lock.clone(),
        access: held.access,
        units: lock.map_or(1, |lock| lock.units(worker)),
        per_worker: lock.is_some_and(|lock| lock.per_worker),
    }
}

/// Sends the offer; a worker that cannot be reached gives it back at once.
pub(super) async fn offer(
    context: &Context,
    claim: Claim,
    builder: String,
) -> Result<(), FarmError> {
    let message = ToWorker::Offer { claim: claim.id, attempt: claim.attempt, builder };
    if context.sessions.send(&claim.worker, message) {
        return Ok(());
    }
    let reason = Reason::new("unreachable", format!("worker `{}` went away", claim.worker));
    let withdraw = context.store.write("dispatch.withdraw", move |w| {
        match w.answer_claim(claim.id, ClaimState::Withdrawn, Some(&reason)) {
            // Its request was cancelled meanwhile, and the offer with it.
            Err(Error::Illegal(_)) => Ok(()),
            other => other,
        }
    });
    Ok(withdraw.await?)
}
