//! One pass: match until nothing is feasible, claim what was matched, offer what was claimed.

use std::collections::BTreeSet;
use std::time::Duration;

use steading_core::matcher::{FaultReport, Match, Start, Waiting};
use steading_core::words::{Micros, RequestId};
use tokio_util::sync::CancellationToken;

use super::bounds;
use super::claim::{claim, grant, offer};
use super::faults;
use super::snapshot::{FEW, Snapshot};
use crate::context::Context;
use crate::farms::FarmError;

/// Calls of the policy that a pass makes for classes seen for the first time: a slice that others
/// may have to wait for.
const NEW_CALLS_MAX: usize = 512;
/// The timer behind the notification; work found by it is a bug, and is counted as one.
const SAFETY: Duration = Duration::from_secs(10);
/// Matches claimed in one section.
const BATCH: usize = 128;

/// Runs passes whenever something moved that could make a tuple feasible.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut seq = context.store.seq();
    let mut farm = context.farms.watch();
    let mut woken = true;
    let mut owner = Owner::default();
    loop {
        seq.mark_unchanged();
        farm.mark_unchanged();
        let mut wake = None;
        match pass(&context, &mut owner).await {
            Ok(passed) => {
                if passed.started > 0 && !woken {
                    let started = passed.started;
                    tracing::warn!(started, "the safety timer found work that no event announced");
                }
                wake = passed.wake;
            }
            Err(error) => tracing::error!("cannot dispatch: {error}"),
        }
        let wait = wake.unwrap_or(SAFETY).min(SAFETY);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            changed = seq.changed() => {
                if changed.is_err() {
                    return;
                }
                woken = true;
            }
            // It is here a moment after the commit that says so.
            changed = farm.changed() => {
                if changed.is_err() {
                    return;
                }
                woken = true;
            }
            // What time alone allows is announced here, and by no event.
            () = tokio::time::sleep(wait) => woken = wait < SAFETY,
        }
    }
}

/// The one owner of the live matcher.
#[derive(Default)]
struct Owner {
    /// What it knows; absent before the first pass, and after one that broke off.
    known: Option<Snapshot>,
    /// Requests that were matched and not claimed: to be looked at again.
    again: BTreeSet<RequestId>,
}

impl Owner {
    /// What is known now. It is taken out for a pass and put back at its end, so that a pass that
    /// breaks off leaves nothing half-told behind.
    async fn known(&mut self, context: &Context) -> Result<Snapshot, FarmError> {
        let again = std::mem::take(&mut self.again);
        if let Some(mut known) = self.known.take()
            && known.follow(context, again).await?
        {
            return Ok(known);
        }
        Snapshot::take(context).await
    }
}

/// What came of a pass.
struct Passed {
    /// How many offers went out.
    started: usize,
    /// How long until time alone may start something: a rest is over, somebody aged.
    wake: Option<Duration>,
}

async fn pass(context: &Context, owner: &mut Owner) -> Result<Passed, FarmError> {
    let known = owner.known(context).await?;
    if known.farm.held().is_some() {
        // Builds that run go on. Whoever lets others begin says so in an event.
        let (known, Decisions { steps, faults, .. }) = decide(known, 0).await?;
        grant(context, &known, steps).await?;
        faults::note(context, known.present.id, faults).await?;
        let wake = bounds::report(context, &known, &BTreeSet::new()).await?;
        let wake = wake.map(|at| until_ms_after(at, known.decided.at));
        owner.known = Some(known);
        return Ok(Passed { started: 0, wake });
    }
    let (known, Decisions { matches, steps, faults }) = decide(known, BATCH).await?;
    grant(context, &known, steps).await?;
    let claims = claim(context, &known, &matches).await?;
    let claimed: BTreeSet<RequestId> = claims.iter().map(|c| c.attempt.request).collect();
    owner.again = matches.iter().map(|found| found.request).collect();
    owner.again.retain(|request| !claimed.contains(request));
    let started = claims.len();
    for claim in claims {
        let recipe = known.recipes.get(&claim.attempt.request);
        let builder = recipe.map(|recipe| recipe.builder.clone()).unwrap_or_default();
        let attempt = claim.attempt;
        // One that cannot be given back expires; the others are offered all the same.
        if let Err(error) = offer(context, claim, builder).await {
            tracing::error!(%attempt, "an offer was neither sent nor given back: {error}");
        }
    }
    faults::note(context, known.present.id, faults).await?;
    let now = known.decided.at;
    let rested = known.resting.values().min().copied();
    let overdue = bounds::report(context, &known, &claimed).await?;
    let trusted = known.quarantined.values().min().copied();
    let wake =
        rested.into_iter().chain(trusted).chain(overdue).chain(known.matcher.next_wake(now)).min();
    // What was not looked at in this pass is looked at in the next, which follows at once.
    let wake = if known.matcher.is_looking() { Some(now) } else { wake };
    owner.known = Some(known);
    Ok(Passed { started, wake: wake.map(|at| until_ms_after(at, now)) })
}

/// What goes next.
#[derive(Default)]
struct Decisions {
    /// Requests, on workers.
    matches: Vec<Match>,
    /// Steps, which get the locks they wait for.
    steps: Vec<Waiting>,
    /// What failed in the policy's functions.
    faults: Vec<FaultReport>,
}

/// Decides where that may take as long as it does: neither do user functions run on a thread that
/// serves others, nor is much placed there, as at the start, nor all looked at that could be
/// backfilled. With little to do, going to another thread and back would take longer.
async fn decide(
    mut known: Snapshot,
    builds_max: usize,
) -> Result<(Snapshot, Decisions), FarmError> {
    let policy = &known.present.policy;
    let quick = !policy.decides() && !policy.backfills();
    if quick && known.matcher.unplaced() <= FEW {
        let decisions = decided(&mut known, builds_max);
        return Ok((known, decisions));
    }
    let deciding = steading_store::off_thread(move || {
        let decisions = decided(&mut known, builds_max);
        (known, decisions)
    });
    deciding.await.map_err(|error| FarmError::Panicked(error.to_string()))
}

/// Matches until nothing is feasible, or so many builds are. What was matched is booked only until
/// the end of this: history says whether it holds.
fn decided(known: &mut Snapshot, builds_max: usize) -> Decisions {
    let policy = known.present.policy.clone();
    known.matcher.look_at(NEW_CALLS_MAX);
    let (mut decisions, mut booked) = (Decisions::default(), Vec::new());
    let waiting: Vec<Waiting> = known.matcher.waiting().cloned().collect();
    while let Some(next) = known.matcher.next_start(policy.as_ref(), known.decided.at) {
        match next {
            Start::Build(_) if decisions.matches.len() == builds_max => break,
            Start::Build(best) => {
                if let Some(backfill) = &best.backfill {
                    let (request, worker) = (best.request.0, best.worker.as_str());
                    tracing::info!(request, worker, "{}", backfill.text());
                }
                booked.extend(known.matcher.take(&best));
                decisions.matches.push(best);
            }
            Start::Step(step) => {
                booked.extend(known.matcher.grant(step));
                decisions.steps.extend(waiting.iter().find(|it| it.step == step).cloned());
            }
        }
    }
    for id in booked {
        known.matcher.release(id);
    }
    known.matcher.set_waiting(waiting);
    decisions.faults = known.matcher.take_faults();
    decisions
}

/// Rounded up: whoever wakes a moment early would find nothing and wake again.
fn until_ms_after(until: Micros, now: Micros) -> Duration {
    Duration::from(until.since(now)) + Duration::from_millis(1)
}
