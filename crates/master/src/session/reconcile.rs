//! Both sides say what they hold; what differs is settled.

use std::collections::BTreeSet;

use steading_core::lifecycle::{Agreement, agree};
use steading_core::words::{
    Attempt, Build, BuildState, Claim, ClaimState, Reason, Step, StepState, WorkerState,
};
use steading_store::{Error, LockNeed, Returned};
use steading_wire::worker::ToWorker;

use crate::context::Context;
use crate::dispatch::need;
use crate::farms::Present;
use crate::settle;

/// What a worker holds, against what history says it should.
#[derive(Debug)]
pub(super) struct Standing {
    /// The difference.
    pub(super) agreement: Agreement,
    /// Whether history knows that the worker is there.
    pub(super) met: bool,
    /// Whether the token it dialled with still admits it.
    pub(super) admitted: bool,
    /// Live and lost ones.
    builds: Vec<Build>,
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
        let read = context.store.glance(move |r| {
            let admitted = r.token(&token)?.is_some();
            Ok((r.live_builds_on(&name)?, r.offered_claims()?, r.worker(&name)?, admitted))
        });
        let (builds, offered, known, admitted) = read.await?;
        let met = known.is_some_and(|known| known.state != WorkerState::Offline);
        let held: BTreeSet<Attempt> = held.into_iter().collect();
        let of = |lost: bool| {
            let those = builds.iter().filter(move |b| lost == (b.state == BuildState::Lost));
            those.filter(|build| !build.forsaken).map(|build| build.attempt).collect()
        };
        let agreement = |offers| agree(&held, &of(false), &of(true), offers);
        let offers = offered.iter().filter(|c| c.worker == worker).map(|c| c.attempt).collect();
        let agreement = agreement(&offers);
        Ok(Standing { agreement, met, admitted, builds })
    }

    /// Whether there is nothing to do, and nothing of the worker's runs.
    pub(super) fn is_settled(&self) -> bool {
        self.met
            && self.admitted
            && self.builds.is_empty()
            && self.agreement == Agreement::default()
    }

    /// The live builds the worker still holds.
    pub(super) fn adopted(&self) -> impl Iterator<Item = Build> {
        self.builds.iter().filter(|b| self.agreement.adopt.contains(&b.attempt)).cloned()
    }
}

/// Takes the lost builds back that their worker came with; what cannot be taken back is added to
/// what it is to drop.
pub(super) async fn take_back(
    context: &Context,
    standing: &mut Standing,
) -> Result<Vec<Build>, Error> {
    let present = context.farms.present();
    let mut back = Vec::new();
    for attempt in std::mem::take(&mut standing.agreement.readopt) {
        let Some(build) = standing.builds.iter().find(|build| build.attempt == attempt) else {
            continue;
        };
        let id = build.id;
        let steps = context.store.glance(move |r| r.steps(id)).await?;
        let locks = needs(&present, build, &steps);
        match context.store.write("build.return", move |w| w.return_build(id, &locks)).await {
            Ok(Returned::Goes { build, withdrawn }) => {
                if let Some(Claim { worker, attempt, .. }) = withdrawn {
                    context.sessions.send(&worker, ToWorker::Drop { attempt });
                }
                back.push(*build);
            }
            Ok(Returned::TooLate) => standing.agreement.drop.push(attempt),
            // Others hold its locks by now.
            Err(Error::Stale(why)) => {
                let cause = Reason::new("worker_lost", format!("it came back too late: {why}"));
                if let Err(error) = settle::give_up(context, build, cause).await {
                    tracing::error!(build = id.0, "it cannot be given up: {error}");
                }
                standing.agreement.drop.push(attempt);
            }
            Err(other) => return Err(other),
        }
    }
    Ok(back)
}

/// Whether a worker had said that it stops when its last session ended: what it lost then is
/// nobody's error.
pub(super) async fn had_stopped(context: &Context, worker: &str) -> Result<bool, Error> {
    let name = worker.to_owned();
    let known = context.store.glance(move |r| r.worker(&name)).await?;
    Ok(known.is_some_and(|worker| worker.draining && worker.draining_by.is_none()))
}

/// What a build had that goes on: its own locks, and those of its running step.
fn needs(present: &Present, build: &Build, steps: &[Step]) -> Vec<LockNeed> {
    if build.steps_ended_at.is_some() {
        return Vec::new();
    }
    let running = steps.iter().filter(|step| step.state == StepState::Running);
    let planned = running.filter_map(|step| {
        let index = usize::try_from(step.number - 1).ok()?;
        build.plan.steps.get(index)
    });
    let held = build.locks.iter().chain(planned.flat_map(|step| &step.locks));
    held.map(|held| need(present, held, &build.worker)).collect()
}

/// The offers that were made to a worker before its session began.
pub(super) async fn offered_before(context: &Context, worker: &str) -> Result<Vec<Claim>, Error> {
    let offered = context.store.glance(|r| r.offered_claims()).await?;
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
pub(super) async fn settle_gone(
    context: &Context,
    worker: &str,
    standing: &Standing,
    stopped: bool,
) {
    let gone = |build: &&Build| standing.agreement.gone.contains(&build.attempt);
    for build in standing.builds.iter().filter(gone) {
        let text = format!("worker `{worker}` came back without it");
        let code = if stopped { "worker_stopped" } else { "worker_lost" };
        let cause = Reason::new(code, text);
        if let Err(error) = settle::give_up(context, build, cause).await {
            tracing::error!(build = build.id.0, "its loss cannot be recorded: {error}");
        }
    }
}
