//! Every state that waits has a deadline; here is who notices.

use std::time::Duration as StdDuration;

use steading_core::words::{
    Build, BuildState, Claim, ClaimState, Duration, Micros, Reason, Worker, WorkerState,
};
use steading_store::Error;
use steading_wire::worker::ToWorker;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::settle;

/// How often deadlines are looked at.
const PERIOD: StdDuration = StdDuration::from_secs(2);
/// How long a worker may be away before its builds are tried elsewhere: a network cut of a minute
/// charges nobody.
const GRACE: Duration = Duration::seconds(60);

/// Looks again and again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if let Err(error) = pass(&context).await {
            tracing::error!("cannot look after deadlines: {error}");
        }
    }
}

async fn pass(context: &Context) -> Result<(), Error> {
    let (claims, builds, workers, now) = context
        .store
        .read(|r| Ok((r.offered_claims()?, r.live_builds()?, r.workers()?, r.now())))
        .await?;
    for claim in claims.into_iter().filter(|claim| claim.deadline_at <= now) {
        expire(context, claim).await?;
    }
    for build in builds {
        let worker = workers.iter().find(|worker| worker.name == build.worker);
        if let Some(cause) = given_up(&build, worker, now) {
            settle::lost(context, build.id, cause).await?;
        }
    }
    Ok(())
}

/// An offer nobody answered: the request goes back, the worker is told to forget it.
async fn expire(context: &Context, claim: Claim) -> Result<(), Error> {
    let reason = Reason::new("no_answer", format!("worker `{}` did not answer", claim.worker));
    let expired = context.store.write("claim.expire", move |w| {
        match w.answer_claim(claim.id, ClaimState::Expired, Some(&reason)) {
            Err(Error::Illegal(_)) => Ok(false),
            other => other.map(|()| true),
        }
    });
    if expired.await? {
        context.sessions.send(&claim.worker, ToWorker::Drop { attempt: claim.attempt });
    }
    Ok(())
}

/// Why a build will not come back, if so.
fn given_up(build: &Build, worker: Option<&Worker>, now: Micros) -> Option<Reason> {
    let away = match worker {
        None => GRACE,
        Some(worker) if worker.state == WorkerState::Offline => {
            now.since(worker.lost_at.unwrap_or(now))
        }
        Some(_) => return None,
    };
    if build.state == BuildState::Finished || away < GRACE {
        return None;
    }
    let text = format!("worker `{}` has been away for {away}", build.worker);
    Some(Reason::new("worker_lost", text))
}
