//! One pass: match until nothing is feasible, claim what was matched, offer what was claimed.

use std::time::Duration;

use steading_core::matcher::Match;
use tokio_util::sync::CancellationToken;

use super::claim::{claim, offer};
use super::snapshot::{Snapshot, snapshot};
use crate::context::Context;
use crate::farms::FarmError;

/// The timer behind the notification; work found by it is a bug, and is counted as one.
const SAFETY: Duration = Duration::from_secs(10);
/// Matches claimed in one section.
const BATCH: usize = 128;

/// Runs passes whenever something moved that could make a tuple feasible.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut seq = context.store.seq();
    let mut woken = true;
    loop {
        seq.mark_unchanged();
        match pass(&context).await {
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

/// Gives how many offers went out.
async fn pass(context: &Context) -> Result<usize, FarmError> {
    let Snapshot { mut matcher, present, decided, recipes, any_free } = snapshot(context).await?;
    if !any_free || matcher.requests().next().is_none() {
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
        (matches, matcher.take_faults())
    });
    let (matches, faults) =
        deciding.await.map_err(|error| FarmError::Panicked(error.to_string()))?;
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
