//! Every state that waits has a deadline; here is who notices.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use steading_core::farm::{Farm, WorkerSpec};
use steading_core::lifecycle::deadlines;
use steading_core::settle::blame::TOGETHER;
use steading_core::words::{
    Build, BuildId, BuildState, Claim, Duration, Micros, Reason, Worker, WorkerState,
};
use steading_store::{Error, Read, TOGETHER_CODE};
use steading_wire::worker::ToWorker;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::{commands, settle};

/// How often deadlines are looked at.
const PERIOD: StdDuration = StdDuration::from_secs(2);
/// Who looks that much later was stopped, or waited for a disk.
const LATE: StdDuration = StdDuration::from_secs(30);
/// How long what is past its deadline has after a time in which nobody was there to hear of it.
const AGAIN: Duration = deadlines::STEP_SLACK;

/// Looks again and again.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let (mut began, mut known) = (None, None);
    let mut looked = Instant::now();
    loop {
        let late = looked.elapsed();
        looked = Instant::now();
        if late > LATE {
            tracing::warn!("nobody looked after deadlines for {} s", late.as_secs());
            began = None;
        }
        // At once: how long a worker may be away is counted from here.
        if let Err(error) = pass(&context, &mut began, &mut known).await {
            tracing::error!("cannot look after deadlines: {error}");
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// All workers, as of so many commits: they may be ten thousand, of which nothing is new.
type Known = Option<(u64, Arc<Vec<Worker>>)>;

/// What is looked at.
struct Sight {
    claims: Vec<Claim>,
    builds: Vec<Build>,
    workers: Arc<Vec<Worker>>,
    /// Running steps that were sent a while ago.
    steps: Vec<(BuildId, i64, Micros)>,
    /// Since when no infrastructure error was noticed, while the farm is suspected.
    suspected: Option<Micros>,
    now: Micros,
}

impl Sight {
    fn read(r: &Read<'_>, known: Option<Arc<Vec<Worker>>>) -> Result<Sight, Error> {
        let now = r.now();
        let since = Micros(now.0 - deadlines::STEP_SLACK.0 * 1000);
        let troubles = r.farm_row()?.troubles;
        let suspected = troubles.iter().any(|trouble| trouble.code == TOGETHER_CODE);
        Ok(Sight {
            claims: r.offered_claims()?,
            builds: r.live_builds()?,
            workers: match known {
                Some(workers) => workers,
                None => Arc::new(r.workers()?),
            },
            steps: r.steps_sent_before(since)?,
            suspected: suspected.then(|| r.newest_cause_at()).transpose()?,
            now,
        })
    }
}

async fn pass(
    context: &Context,
    began: &mut Option<Micros>,
    known: &mut Known,
) -> Result<(), Error> {
    // Before the look: what is written during it is new to the next one.
    let commits = context.store.commits();
    let same = known.take().filter(|(as_of, _)| *as_of == commits).map(|(_, workers)| workers);
    let sight = context.store.read(move |r| Sight::read(r, same)).await?;
    *known = Some((commits, Arc::clone(&sight.workers)));
    let now = sight.now;
    let began = *began.get_or_insert(now);
    // What fails here is said and looked at again: it keeps nobody else from being looked after.
    for claim in sight.claims.iter().filter(|claim| claim.deadline_at <= now) {
        if let Err(error) = expire(context, claim.clone()).await {
            tracing::error!(claim = claim.id.0, "cannot expire: {error}");
        }
    }
    for worker in sight.workers.iter().filter(|worker| is_gone(context, worker)) {
        let name = worker.name.clone();
        if let Err(error) = context.store.write("worker.gone", move |w| w.worker_lost(&name)).await
        {
            tracing::error!(worker = worker.name, "its loss cannot be recorded: {error}");
        }
    }
    missing(context, &sight.workers, began, now).await;
    if sight.suspected.is_some_and(|newest| now.since(newest) >= TOGETHER) {
        let section = context.store.write("farm.trusted", |w| w.farm_trouble(TOGETHER_CODE, None));
        section.await?;
    }
    let farm = context.farms.present();
    for build in &sight.builds {
        let Some(due) = due(build, &sight, &farm.farm, began) else { continue };
        if let Err(error) = carry_out(context, build, due).await {
            tracing::error!(build = build.id.0, "cannot be given up: {error}");
        }
    }
    commands::cancel_the_rest(context).await
}

/// Workers that have been away for longer than their limit: said once for each absence. One that
/// was never there is away since there is a master to come to.
async fn missing(context: &Context, workers: &[Worker], began: Micros, now: Micros) {
    let present = context.farms.present();
    let waits =
        |worker: &&Worker| worker.state == WorkerState::Offline && worker.missing_at.is_none();
    for worker in workers.iter().filter(waits) {
        let limit = present.farm.worker(&worker.name).and_then(WorkerSpec::missing_after);
        let away = away(Some(worker.lost_at.unwrap_or(began)), began, now);
        if limit.is_none_or(|limit| away < limit) {
            continue;
        }
        tracing::warn!(worker = worker.name, "has been away for {away}");
        let name = worker.name.clone();
        let section = context.store.write("worker.missing", move |w| w.worker_missing(&name));
        if let Err(error) = section.await {
            tracing::error!(worker = worker.name, "its absence cannot be recorded: {error}");
        }
    }
}

/// What is to be done about a build.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// Its worker stayed away for longer than its grace.
    Lose(Reason),
    /// It will not come to its end.
    GiveUp(Reason),
    /// It was cancelled, and that took long enough.
    EndCancelled,
}

async fn carry_out(context: &Context, build: &Build, due: Due) -> Result<(), settle::Error> {
    match due {
        Due::Lose(cause) => return settle::lose(context, build, cause).await,
        Due::GiveUp(cause) => settle::give_up(context, build, cause).await?,
        Due::EndCancelled => settle::end_cancelled(context, build.id).await?,
    }
    // Its worker may be there, and hold it still.
    context.sessions.send(&build.worker, ToWorker::Drop { attempt: build.attempt });
    Ok(())
}

/// What the tables of `lifecycle::deadlines` say about a build at this moment.
fn due(build: &Build, sight: &Sight, farm: &Farm, began: Micros) -> Option<Due> {
    let now = sight.now;
    let past = |since: Option<Micros>, limit| since.is_some_and(|at| past(at, limit, began, now));
    match build.state {
        BuildState::Cancelling => {
            let since = build.cancelled_at.unwrap_or(build.started_at);
            past(Some(since), deadlines::cancelling(&build.plan)).then_some(Due::EndCancelled)
        }
        BuildState::Gathering if build.cancelled => Some(Due::EndCancelled),
        BuildState::Lost if build.forsaken => {
            Some(Due::GiveUp(build.outcome_reason.clone().unwrap_or_else(unknown)))
        }
        BuildState::Lost => {
            let late = past(build.lost_at, deadlines::LOST) && build.rerun.word() == "safe";
            late.then(|| Due::GiveUp(build.outcome_reason.clone().unwrap_or_else(unknown)))
        }
        BuildState::Running | BuildState::Gathering => {
            let worker = sight.workers.iter().find(|worker| worker.name == build.worker);
            away_for(build, worker, farm, (began, now))
                .map(Due::Lose)
                .or_else(|| overdue(build, sight, began).map(Due::GiveUp))
        }
        BuildState::Finished => None,
    }
}

fn unknown() -> Reason {
    Reason::new("worker_lost", "its worker was lost")
}

/// A worker that history has ready without a session: its end could not be recorded. One that
/// connects at this very moment is ready again with its next heartbeat.
fn is_gone(context: &Context, worker: &Worker) -> bool {
    worker.state == WorkerState::Ready && !context.sessions.is_connected(&worker.name)
}

/// An offer nobody answered: the request goes back, the worker is told to forget it.
async fn expire(context: &Context, claim: Claim) -> Result<(), Error> {
    let expired = context.store.write("claim.expire", move |w| match w.expire_claim(claim.id) {
        Err(Error::Illegal(_)) => Ok(false),
        other => other.map(|()| true),
    });
    if expired.await? {
        context.sessions.send(&claim.worker, ToWorker::Drop { attempt: claim.attempt });
    }
    Ok(())
}

/// Why a build's worker is no longer waited for, if so.
fn away_for(
    build: &Build,
    worker: Option<&Worker>,
    farm: &Farm,
    (began, now): (Micros, Micros),
) -> Option<Reason> {
    let grace = farm.worker(&build.worker).map_or(WorkerSpec::GRACE, WorkerSpec::grace);
    let (away, stopped) = match worker {
        None => (grace, false),
        Some(worker) if worker.state == WorkerState::Offline => {
            let stopped = worker.draining && worker.draining_by.is_none();
            (away(worker.lost_at, began, now), stopped)
        }
        Some(_) => return None,
    };
    if away < grace {
        return None;
    }
    let code = if stopped { "worker_stopped" } else { "worker_lost" };
    Some(Reason::new(code, format!("worker `{}` has been away for {away}", build.worker)))
}

/// Why a build whose worker is there will not come to its end, if so.
fn overdue(build: &Build, sight: &Sight, began: Micros) -> Option<Reason> {
    if let Some(ended) = build.steps_ended_at {
        let limit = deadlines::GATHERING;
        let late = past(ended, limit, began, sight.now);
        let text = format!("its last bytes did not come within {limit}");
        return late.then(|| Reason::new("bytes_lost", text));
    }
    let (_, number, sent) = sight.steps.iter().find(|(id, ..)| *id == build.id)?;
    let step = build.plan.steps.get(usize::try_from(number - 1).ok()?)?;
    let limit = deadlines::step(step);
    let text = format!("step `{}` did not come to its end within {limit}", step.name);
    past(*sent, limit, began, sight.now).then(|| Reason::new("overdue", text))
}

/// Whether a state that began at `since` is past its limit. While there was no master nobody could
/// hear how it ended, so whoever is there again waits a little; and what seems to have begun later
/// than now was written by a clock that was wrong: it counts from when this master began.
fn past(since: Micros, limit: Duration, began: Micros, now: Micros) -> bool {
    let since = if since > now { began } else { since };
    now.since(since) >= limit && now.since(began) >= limit.min(AGAIN)
}

/// How long a worker could have come back and did not: while there was no master, nobody was at
/// home to come back to.
fn away(lost_at: Option<Micros>, began: Micros, now: Micros) -> Duration {
    match lost_at {
        None => Duration(0),
        Some(future) if future > now => now.since(began),
        Some(lost_at) => now.since(lost_at.max(began)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_needs_somebody_who_could_have_heard() {
        let at = |seconds: i64| Micros(seconds * 1_000_000);
        let check = |since: i64, limit: i64, began: i64, now: i64, expected: bool| {
            let found = past(at(since), Duration::seconds(limit), at(began), at(now));
            assert_eq!(found, expected, "{since} + {limit}, here since {began}, now {now}");
        };
        check(0, 600, 0, 599, false);
        check(0, 600, 0, 600, true);
        // The master was away when it ended.
        check(0, 600, 1000, 1001, false);
        check(0, 600, 1000, 1090, true);
        check(0, 20, 1000, 1020, true);
        // A moment of the future: counted from here.
        check(9000, 600, 1000, 1599, false);
        check(9000, 600, 1000, 1600, true);
    }

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
        // By a clock that was wrong: from here.
        check(Some(9000), 100, 130, 30);
    }
}
