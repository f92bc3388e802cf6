//! Why a request is not running, and the queue in dispatch order: asked of a snapshot, never of the
//! live matcher.

use std::collections::BTreeSet;

use steading_core::matcher::{Explanation, LockUse, Scene, Share};
use steading_core::words::{Build, Decided, Duration, Micros, Request, RequestId, RequestState};
use steading_wire::rest;

use super::bounds::explained;
use super::forecast::Known;
use super::snapshot::Snapshot;
use crate::context::Context;
use crate::farms::FarmError;

/// Requests of the queue that are explained in full; the rest is counted.
const EXPLAINED_MAX: usize = 200;
/// What was seen serves as long as nothing happens, and no longer than this: requests age.
const SEEN_MAX: Duration = Duration::seconds(2);

/// Explains one request, whatever its state.
pub(crate) async fn explain(
    context: &Context,
    id: RequestId,
) -> Result<Option<rest::Explanation>, FarmError> {
    let Some((request, build)) = look(context, id).await? else { return Ok(None) };
    let as_of = || context.store.seq().borrow().0;
    if request.state != RequestState::Pending {
        return Ok(Some(not_pending(&request, build.as_ref(), as_of())));
    }
    let found = on_snapshot(context, move |snapshot, scene, known| {
        if let Some(until) = snapshot.resting.get(&id) {
            return Some(held(snapshot, rests(id, *until, snapshot.decided)));
        }
        if let Some(builder) = snapshot.held_back.get(&id) {
            return Some(held(snapshot, waits_for_builder(id, builder, snapshot)));
        }
        let policy = snapshot.present.policy.as_ref();
        let found = snapshot.matcher.explain_in(scene, &[id], policy).pop()?;
        let mut shown = shown(&found, snapshot.decided.seq.0);
        known.tell(snapshot, &found, &mut shown);
        Some(held(snapshot, explained(snapshot, shown)))
    });
    if let Some(found) = found.await? {
        return Ok(Some(found));
    }
    // It was claimed just now, or left out because nobody can tell what it means.
    Ok(look(context, id).await?.map(|(request, build)| match request.state {
        RequestState::Pending => without_builder(id, as_of()),
        _ => not_pending(&request, build.as_ref(), as_of()),
    }))
}

/// A request, and its live build if it has one.
async fn look(
    context: &Context,
    id: RequestId,
) -> Result<Option<(Request, Option<Build>)>, FarmError> {
    let found = context.store.read(move |r| {
        let live = r.live_builds()?.into_iter().find(|b| b.attempt.request == id);
        Ok(r.request(id)?.map(|request| (request, live)))
    });
    Ok(found.await?)
}

/// The queue in dispatch order, each with its reason.
pub(crate) async fn queue(context: &Context, limit: usize) -> Result<rest::Queue, FarmError> {
    on_snapshot(context, move |snapshot, scene, known| {
        let Snapshot { matcher, present, decided, .. } = snapshot;
        let pending = scene.order().len();
        let first = scene.order()[..pending.min(limit).min(EXPLAINED_MAX)].to_vec();
        let told = matcher.explain_in(scene, &first, present.policy.as_ref());
        let resting = snapshot.resting.iter().map(|(id, until)| rests(*id, *until, *decided));
        let back = snapshot.held_back.iter();
        let back = back.map(|(id, builder)| waits_for_builder(*id, builder, snapshot));
        let mut starts = known.starts(snapshot, &told);
        let shown = told.iter().map(|found| {
            let starts_in_ms = starts.remove(&found.request);
            let shown = rest::Explanation { starts_in_ms, ..shown(found, decided.seq.0) };
            explained(snapshot, shown)
        });
        rest::Queue {
            items: shown
                .chain(resting)
                .chain(back)
                .take(limit.min(EXPLAINED_MAX))
                .map(|shown| held(snapshot, shown))
                .collect(),
            total: i64::try_from(pending + snapshot.resting.len() + snapshot.held_back.len())
                .unwrap_or(i64::MAX),
            as_of: decided.seq.0,
        }
    })
    .await
}

/// What explanations of one moment have in common, kept for those who ask next. Opaque outside.
#[derive(Debug, Default)]
pub(crate) struct Looked(Option<(Snapshot, Scene)>);

impl Looked {
    /// The farm as it is now, and what was seen of it if that is still so.
    async fn now(&mut self, context: &Context) -> Result<(Snapshot, Option<Scene>), FarmError> {
        let Some((mut snapshot, scene)) = self.0.take() else {
            return Ok((Snapshot::take(context).await?, None));
        };
        let (before, rested) = (snapshot.decided.seq, snapshot.resting.len());
        if !snapshot.follow(context, BTreeSet::new()).await? {
            return Ok((Snapshot::take(context).await?, None));
        }
        let young = snapshot.decided.at.since(scene.now()) < SEEN_MAX;
        let same = snapshot.decided.seq == before && snapshot.resting.len() == rested;
        Ok((snapshot, Some(scene).filter(|_| same && young)))
    }
}

/// User functions run here: never on a thread that serves others.
async fn on_snapshot<T: Send + 'static>(
    context: &Context,
    ask: impl FnOnce(&Snapshot, &mut Scene, &Known) -> T + Send + 'static,
) -> Result<T, FarmError> {
    let mut looked = context.explaining.lock().await;
    let (mut snapshot, scene) = looked.now(context).await?;
    let known = Known::read(context).await?;
    let asking = steading_store::off_thread(move || {
        let (policy, at) = (snapshot.present.policy.clone(), snapshot.decided.at);
        let scene = scene.unwrap_or_else(|| snapshot.matcher.look(policy.as_ref(), at));
        // What fails is reported by those who dispatch.
        snapshot.matcher.take_faults();
        let mut scene = scene;
        let answer = ask(&snapshot, &mut scene, &known);
        (answer, snapshot, scene)
    });
    let asked = asking.await.map_err(|error| FarmError::Panicked(error.to_string()));
    let (answer, snapshot, scene) = asked?;
    looked.0 = Some((snapshot, scene));
    Ok(answer)
}

fn not_pending(request: &Request, build: Option<&Build>, as_of: i64) -> rest::Explanation {
    let summary = match (request.state, build) {
        (RequestState::Claimed, Some(build)) => {
            format!("it is running: {}/{} on {}", build.builder, build.number, build.worker)
        }
        (RequestState::Claimed, None) => "it is being offered to a worker".to_owned(),
        (RequestState::Collapsed, _) => match request.collapsed_into {
            Some(into) => format!("it completes with request {into}, which builds the same"),
            None => "it completes with another request".to_owned(),
        },
        _ => match request.outcome {
            Some(outcome) => format!("it is complete: {outcome}"),
            None => "it is complete".to_owned(),
        },
    };
    plain(request.id, request.state, request.state.word(), summary, as_of)
}

/// A request that was left out of the snapshot: what it means to build cannot be found out.
fn without_builder(id: RequestId, as_of: i64) -> rest::Explanation {
    let summary = "the configuration it began with does not evaluate any more, or has no such \
                   builder: cancel it and ask again under the farm in force";
    plain(id, RequestState::Pending, "never", summary.to_owned(), as_of)
}

/// A request whose last try came to nothing: no worker is asked before its rest is over.
fn rests(id: RequestId, until: Micros, decided: Decided) -> rest::Explanation {
    let summary =
        format!("its last try came to nothing; it is offered again in {}", until.since(decided.at));
    plain(id, RequestState::Pending, "rests", summary, decided.seq.0)
}

/// A request whose builder somebody paused.
fn waits_for_builder(id: RequestId, builder: &str, snapshot: &Snapshot) -> rest::Explanation {
    let what = format!("builder {builder}");
    let paused = snapshot.paused.get(builder);
    let summary = paused.map_or_else(|| format!("{what} is paused"), |paused| paused.of(&what));
    let mut shown = plain(id, RequestState::Pending, "paused", summary, snapshot.decided.seq.0);
    shown.remedies.push(format!("resuming the builder `{builder}`"));
    shown
}

/// While the farm starts nothing, that comes before every other reason.
fn held(snapshot: &Snapshot, shown: rest::Explanation) -> rest::Explanation {
    let Some(why) = snapshot.farm.held() else { return shown };
    let remedy = match snapshot.farm.paused {
        Some(_) => "resuming the farm",
        None => "the end of what the farm suffers from",
    };
    rest::Explanation {
        summary: format!("{why}. After that: {}", shown.summary),
        verdict: "paused".to_owned(),
        remedies: vec![remedy.to_owned()],
        starts_in_ms: None,
        what_if: Vec::new(),
        ..shown
    }
}

/// An explanation without workers and locks: they are not what is in the way.
fn plain(
    id: RequestId,
    state: RequestState,
    verdict: &str,
    summary: String,
    as_of: i64,
) -> rest::Explanation {
    rest::Explanation {
        request_id: id.0,
        state: state.word().to_owned(),
        position: None,
        summary,
        verdict: verdict.to_owned(),
        workers: Vec::new(),
        locks: Vec::new(),
        remedies: Vec::new(),
        starts_in_ms: None,
        what_if: Vec::new(),
        as_of,
    }
}

fn shown(explanation: &Explanation, as_of: i64) -> rest::Explanation {
    let workers = explanation.workers.iter().map(|group| rest::Exclusion {
        predicate: group.why.code().to_owned(),
        text: group.why.text(),
        remedy: group.why.remedy(),
        workers: group.workers.clone(),
    });
    rest::Explanation {
        request_id: explanation.request.0,
        state: RequestState::Pending.word().to_owned(),
        position: i64::try_from(explanation.place).ok(),
        summary: explanation.text.clone(),
        verdict: explanation.verdict.code().to_owned(),
        workers: workers.collect(),
        locks: explanation.locks.iter().map(lock).collect(),
        remedies: explanation.remedies.clone(),
        starts_in_ms: None,
        what_if: Vec::new(),
        as_of,
    }
}

fn lock(used: &LockUse) -> rest::LockWait {
    let names = |shares: &[Share]| shares.iter().map(|share| share.by.clone()).collect();
    rest::LockWait {
        lock: used.lock.clone(),
        worker: used.worker.clone(),
        capacity: used.capacity,
        grantable: used.grantable,
        holders: names(&used.holders),
        reserved_for: names(&used.reserved),
    }
}
