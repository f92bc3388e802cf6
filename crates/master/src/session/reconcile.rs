//! Both sides say what they hold; what differs is settled.

use std::collections::BTreeSet;

use steading_core::lifecycle::{Agreement, agree};
use steading_core::words::{Attempt, Build, Claim, ClaimState, Reason, WorkerState};
use steading_store::Error;

use crate::context::Context;
use crate::settle;

/// What a worker holds, against what history says it should.
#[derive(Debug)]
pub(super) struct Standing {
    /// The difference.
    pub(super) agreement: Agreement,
    /// Whether history has the worker ready.
    pub(super) ready: bool,
    /// Whether the token it dialled with still admits it.
    pub(super) admitted: bool,
    live: Vec<Build>,
}

impl Standing {
    /// Compares at this moment.
    pub(super) async fn of(
        context: &Context,
        worker: &str,
        token: &str,
        held: Vec<Attempt>,
    ) -> Result<Standing, Error> {
        let (name, token) = (worker.to_owned(), token.to_owned());
        let read = context.store.read(move |r| {
            let admitted = r.token(&token)?.is_some();
            Ok((r.live_builds_on(&name)?, r.offered_claims()?, r.worker(&name)?, admitted))
        });
        let (live, offered, known, admitted) = read.await?;
        let ready = known.is_some_and(|known| known.state == WorkerState::Ready);
        let held: BTreeSet<Attempt> = held.into_iter().collect();
        let lives = live.iter().map(|build| build.attempt).collect();
        let offers = offered.iter().filter(|c| c.worker == worker).map(|c| c.attempt).collect();
        Ok(Standing { agreement: agree(&held, &lives, &offers), ready, admitted, live })
    }

    /// The live builds the worker still holds.
    pub(super) fn adopted(&self) -> impl Iterator<Item = Build> {
        self.live.iter().filter(|b| self.agreement.adopt.contains(&b.attempt)).cloned()
    }
}

/// The offers that were made to a worker before its session began.
pub(super) async fn offered_before(context: &Context, worker: &str) -> Result<Vec<Claim>, Error> {
    let offered = context.store.read(|r| r.offered_claims()).await?;
    Ok(offered.into_iter().filter(|claim| claim.worker == worker).collect())
}

/// Offers of an earlier session that never reached the worker go back at once (I2). Should one be
/// on its way over the new session after all, its acceptance is answered with a drop.
pub(super) async fn withdraw_unheard(
    context: &Context,
    earlier: Vec<Claim>,
    held: &[Attempt],
) -> Result<(), Error> {
    let unheard: Vec<Claim> =
        earlier.into_iter().filter(|claim| !held.contains(&claim.attempt)).collect();
    if unheard.is_empty() {
        return Ok(());
    }
    let section = context.store.write("claim.unheard", move |w| {
        for claim in &unheard {
            let text = format!("worker `{}` came back without it", claim.worker);
            let reason = Reason::new("unheard", text);
            match w.answer_claim(claim.id, ClaimState::Withdrawn, Some(&reason)) {
                // It has another answer by now.
                Err(Error::Illegal(_)) => {}
                other => other?,
            }
        }
        Ok(())
    });
    section.await
}

/// Builds the worker no longer has are tried again, or end as an exception when the budget is
/// spent. What cannot be written down now is found again by the next heartbeat.
pub(super) async fn settle_lost(context: &Context, worker: &str, standing: &Standing) {
    let lost = |build: &&Build| standing.agreement.lost.contains(&build.attempt);
    for build in standing.live.iter().filter(lost) {
        let text = format!("worker `{worker}` came back without it");
        let cause = Reason::new("worker_lost", text);
        if let Err(error) = settle::lost(context, build.id, cause).await {
            tracing::error!(build = build.id.0, "its loss cannot be recorded: {error}");
        }
    }
}
