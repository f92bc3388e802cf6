//! One pass: match until nothing is feasible, claim what was matched, offer what was claimed.

use std::time::Duration;

use steading_core::matcher::{Match, Matcher};
use steading_core::words::{ConfigId, Micros};
use tokio_util::sync::CancellationToken;

use super::claim::{claim, offer};
use super::snapshot::{Snapshot, refill};
use crate::context::Context;
use crate::farms::{FarmError, Present};

/// The timer behind the notification; work found by it is a bug, and is counted as one.
const SAFETY: Duration = Duration::from_secs(10);
/// Matches claimed in one section.
const BATCH: usize = 128;

/// Runs passes whenever something moved that could make a tuple feasible.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut seq = context.store.seq();
    let mut woken = true;
    let mut kept = Kept::new(&context);
    loop {
        seq.mark_unchanged();
        let mut rested = None;
        match pass(&context, &mut kept).await {
            Ok(passed) => {
                if passed.started > 0 && !woken {
                    let started = passed.started;
                    tracing::warn!(started, "the safety timer found work that no event announced");
                }
                rested = passed.rested;
            }
            Err(error) => tracing::error!("cannot dispatch: {error}"),
        }
        let wait = rested.unwrap_or(SAFETY).min(SAFETY);
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = seq.changed() => {
                if changed.is_err() {
                    return;
                }
                woken = true;
            }
            // The end of a rest is announced here, and by no event.
            () = tokio::time::sleep(wait) => woken = wait < SAFETY,
        }
    }
}

/// The matcher between passes: what the policy answered stays true while the farm is the same.
struct Kept {
    farm: ConfigId,
    matcher: Matcher,
}

impl Kept {
    fn new(context: &Context) -> Kept {
        let present = context.farms.present();
        Kept { farm: present.id, matcher: Matcher::new(&present.farm) }
    }

    /// The matcher for a pass under this farm; back with `kept.matcher = …` when the pass is over.
    fn take(&mut self, present: &Present) -> Matcher {
        let empty = Matcher::new(&present.farm);
        let mut matcher = std::mem::replace(&mut self.matcher, empty);
        if self.farm != present.id {
            matcher.reconfigure(&present.farm);
            self.farm = present.id;
        }
        matcher
    }
}

/// What came of a pass.
struct Passed {
    /// How many offers went out.
    started: usize,
    /// How long until a request that rests may be offered.
    rested: Option<Duration>,
}

async fn pass(context: &Context, kept: &mut Kept) -> Result<Passed, FarmError> {
    let matcher = kept.take(&context.farms.present());
    let Snapshot { mut matcher, present, decided, recipes, resting, any_free } =
        refill(context, matcher).await?;
    let rested = resting.values().min().map(|until| until_ms_after(*until, decided.at));
    if !any_free || matcher.requests().next().is_none() {
        kept.matcher = matcher;
        return Ok(Passed { started: 0, rested });
    }
    let policy = present.policy.clone();
    let deciding = tokio::task::spawn_blocking(move || {
        let mut matches: Vec<Match> = Vec::new();
        while matches.len() < BATCH {
            let Some(best) = matcher.next(policy.as_ref(), decided.at) else { break };
            matcher.take(&best);
            matches.push(best);
        }
        let faults = matcher.take_faults();
        (matches, faults, matcher)
    });
    let (matches, faults, matcher) =
        deciding.await.map_err(|error| FarmError::Panicked(error.to_string()))?;
    kept.matcher = matcher;
    for fault in faults {
        tracing::warn!("a policy function failed: {fault:?}");
    }
    let claims = claim(context, &present, decided, &recipes, matches).await?;
    let started = claims.len();
    for claim in claims {
        let builder = recipes.get(&claim.attempt.request).map(|recipe| recipe.builder.clone());
        let attempt = claim.attempt;
        // One that cannot be given back expires; the others are offered all the same.
        if let Err(error) = offer(context, claim, builder.unwrap_or_default()).await {
            tracing::error!(%attempt, "an offer was neither sent nor given back: {error}");
        }
    }
    Ok(Passed { started, rested })
}

/// Rounded up: whoever wakes a moment early would find nothing and wake again.
fn until_ms_after(until: Micros, now: Micros) -> Duration {
    Duration::from(until.since(now)) + Duration::from_millis(1)
}
