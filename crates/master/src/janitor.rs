//! Every state that waits has a deadline; here is who notices.

use std::time::Duration as StdDuration;

use steading_core::words::{
    Build, Claim, ClaimState, Duration, Micros, Reason, Worker, WorkerState,
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
/// How long the last bytes of a build may take: its verdict waits for them, and its slot.
const GATHER_MAX: Duration = Duration::seconds(6 * 3600);

/// Looks again and again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut began = None;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if let Err(error) = pass(&context, &mut began).await {
            tracing::error!("cannot look after deadlines: {error}");
        }
    }
}

async fn pass(context: &Context, began: &mut Option<Micros>) -> Result<(), Error> {
    let (claims, builds, workers, now) = context
        .store
        .read(|r| Ok((r.offered_claims()?, r.live_builds()?, r.workers()?, r.now())))
        .await?;
    let began = *began.get_or_insert(now);
    // What fails here is said and looked at again: it keeps nobody else from being looked after.
    for claim in claims.into_iter().filter(|claim| claim.deadline_at <= now) {
        let id = claim.id;
        if let Err(error) = expire(context, claim).await {
            tracing::error!(claim = id.0, "cannot expire: {error}");
        }
    }
    for worker in workers.iter().filter(|worker| is_gone(context, worker)) {
        let name = worker.name.clone();
        if let Err(error) = context.store.write("worker.gone", move |w| w.worker_lost(&name)).await
        {
            tracing::error!(worker = worker.name, "its loss cannot be recorded: {error}");
        }
    }
    for build in builds {
        let worker = workers.iter().find(|worker| worker.name == build.worker);
        if let Some(cause) = given_up(&build, worker, began, now)
            && let Err(error) = settle::lost(context, build.id, cause).await
        {
            tracing::error!(build = build.id.0, "cannot be given up: {error}");
        }
    }
    Ok(())
}

/// A worker that history has ready without a session: its end could not be recorded. One that
/// connects at this very moment is ready again with its next heartbeat.
fn is_gone(context: &Context, worker: &Worker) -> bool {
    worker.state == WorkerState::Ready && !context.sessions.is_connected(&worker.name)
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

/// Why a build will not come to its end, if so.
fn given_up(build: &Build, worker: Option<&Worker>, began: Micros, now: Micros) -> Option<Reason> {
    let away = match worker {
        None => GRACE,
        Some(worker) if worker.state == WorkerState::Offline => away(worker.lost_at, began, now),
        Some(_) => Duration::default(),
    };
    if away >= GRACE {
        let text = format!("worker `{}` has been away for {away}", build.worker);
        return Some(Reason::new("worker_lost", text));
    }
    let gathering = now.since(build.steps_ended_at.unwrap_or(now));
    if gathering >= GATHER_MAX {
        let text = format!("its last bytes did not come within {GATHER_MAX}");
        return Some(Reason::new("bytes_lost", text));
    }
    None
}

/// How long a worker could have come back and did not: while there was no master, nobody was at
/// home to come back to.
fn away(lost_at: Option<Micros>, began: Micros, now: Micros) -> Duration {
    now.since(lost_at.unwrap_or(now).max(began))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_away_only_while_there_is_a_master() {
        let at = |seconds: i64| Micros(seconds * 1_000_000);
        let check = |lost_at: Option<i64>, began: i64, now: i64, expected: i64| {
            let found = away(lost_at.map(at), at(began), at(now));
            assert_eq!(found, Duration::seconds(expected), "{lost_at:?} {began} {now}");
        };
        check(Some(100), 0, 130, 30);
        check(Some(100), 1000, 1002, 2);
        check(None, 0, 130, 0);
    }
}
