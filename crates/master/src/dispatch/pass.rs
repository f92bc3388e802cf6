//! One pass: match until nothing is feasible, claim what was matched, offer what was claimed.

use std::time::Duration;

use steading_core::matcher::{Match, Matcher};
use steading_core::words::ConfigId;
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
        match pass(&context, &mut kept).await {
            Ok(started) if started > 0 && !woken => {
                tracing::warn!(started, "the safety timer found work that no event announced");
            }
            Ok(_) => {}
            Err(error) => tracing::error!("cannot dispatch: {error}"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = seq.changed() => {
                if changed.is_err() {
                    return;
                }
                woken = true;
            }
            () = tokio::time::sleep(SAFETY) => woken = false,
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

/// Gives how many offers went out.
async fn pass(context: &Context, kept: &mut Kept) -> Result<usize, FarmError> {
    let matcher = kept.take(&context.farms.present());
    let Snapshot { mut matcher, present, decided, recipes, any_free } =
        refill(context, matcher).await?;
    if !any_free || matcher.requests().next().is_none() {
        kept.matcher = matcher;
        return Ok(0);
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
        offer(context, claim, builder.unwrap_or_default()).await?;
    }
    Ok(started)
}
