//! What the matcher is told: one consistent moment of history.

use std::collections::BTreeMap;
use std::sync::Arc;

use steading_core::farm::{RequestView, WorkerView};
use steading_core::matcher::{Candidate, Holding, Matcher, NotNow};
use steading_core::settle::rest;
use steading_core::words::{
    Decided, HeldLock, Micros, Request, RequestId, Seq, Worker, WorkerState,
};
use steading_store::LastTry;

use crate::context::Context;
use crate::farms::{FarmError, Present};

/// A matcher filled from history, and the moment it was filled at.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The matcher.
    pub(super) matcher: Matcher,
    /// The farm whose policy orders it.
    pub(super) present: Arc<Present>,
    /// The moment.
    pub(super) decided: Decided,
    /// What a claim of each request needs.
    pub(super) recipes: BTreeMap<RequestId, Recipe>,
    /// Requests that are not offered yet, and until when: their last try came to nothing just now.
    pub(super) resting: BTreeMap<RequestId, Micros>,
    /// Whether any worker could take something now: where none can, there is nothing to decide.
    pub(super) any_free: bool,
}

/// What a claim of a request needs, besides its match.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    /// The builder.
    pub(super) builder: String,
    /// The locks its build will hold.
    pub(super) locks: Vec<HeldLock>,
}

struct Facts {
    pending: Vec<Request>,
    last_tries: BTreeMap<RequestId, LastTry>,
    workers: Vec<Worker>,
    holdings: Vec<Holding>,
    last_builders: BTreeMap<String, String>,
    seq: Seq,
    now: Micros,
}

/// Reads a moment and fills a fresh matcher with it: for those who only ask.
pub(super) async fn snapshot(context: &Context) -> Result<Snapshot, FarmError> {
    let matcher = Matcher::new(&context.farms.present().farm);
    refill(context, matcher).await
}

/// Reads a moment and fills a matcher with it that keeps what the policy answered before.
pub(super) async fn refill(context: &Context, mut matcher: Matcher) -> Result<Snapshot, FarmError> {
    let present = context.farms.present();
    let facts = context.store.read(|r| {
        Ok(Facts {
            pending: r.pending()?,
            last_tries: r.last_tries()?,
            workers: r.workers()?,
            holdings: r.holdings()?,
            last_builders: r.last_builders()?,
            seq: r.newest_seq()?,
            now: r.now(),
        })
    });
    let facts = facts.await?;
    matcher.clear();
    let mut busy: BTreeMap<String, i64> = BTreeMap::new();
    for holding in facts.holdings.iter().filter(|holding| holding.slot) {
        *busy.entry(holding.worker.clone()).or_default() += 1;
    }
    matcher.set_holdings(facts.holdings);
    let mut any_free = false;
    for worker in facts.workers {
        let last = facts.last_builders.get(&worker.name).cloned().unwrap_or_default();
        let accepting = accepting(&worker);
        let taken = busy.get(&worker.name).copied().unwrap_or(0);
        any_free |= accepting.is_ok() && taken < worker.slots;
        matcher.set_worker(view(worker, last), accepting);
    }
    let (mut recipes, mut resting) = (BTreeMap::new(), BTreeMap::new());
    for request in facts.pending {
        let id = request.id;
        let until = facts.last_tries.get(&id).map(rests_until).filter(|until| *until > facts.now);
        if let Some(until) = until {
            resting.insert(id, until);
            continue;
        }
        if let Some(recipe) = add(context, &mut matcher, request).await? {
            recipes.insert(id, recipe);
        }
    }
    let decided = Decided { seq: facts.seq, at: facts.now };
    Ok(Snapshot { matcher, present, decided, recipes, resting, any_free })
}

/// When a request that came back may be offered again.
fn rests_until(last: &LastTry) -> Micros {
    last.ended_at.plus(rest(last.lost_builds))
}

/// A request means the builder of the configuration it began with. One whose configuration does not
/// evaluate any more, or has no such builder, is left out and said: it stops nobody else.
async fn add(
    context: &Context,
    matcher: &mut Matcher,
    request: Request,
) -> Result<Option<Recipe>, FarmError> {
    let farm = match context.farms.of(request.configuration_id).await {
        Ok(farm) => farm,
        Err(error @ (FarmError::Broken(_) | FarmError::Panicked(_))) => {
            tracing::debug!(request = request.id.0, "its configuration is broken: {error}");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let Some(builder) = farm.farm.builders.get(&request.builder) else {
        tracing::error!(request = request.id.0, "names a builder its farm does not have");
        return Ok(None);
    };
    let pinned = request.pinned_worker.clone();
    matcher.add_request(Candidate::new(request_view(request), builder, pinned.as_deref()));
    Ok(Some(Recipe { builder: builder.name.clone(), locks: builder.locks.clone() }))
}

pub(super) fn accepting(worker: &Worker) -> Result<(), NotNow> {
    if let Some(by) = &worker.paused_by {
        let why = worker.paused_why.clone().unwrap_or_default();
        return Err(NotNow::Paused { by: by.clone(), why });
    }
    match worker.state {
        _ if worker.draining => Err(NotNow::Draining),
        WorkerState::Offline => Err(NotNow::Offline),
        WorkerState::Resetting => Err(NotNow::Resetting),
        WorkerState::Ready => Ok(()),
    }
}

pub(super) fn view(worker: Worker, last_builder: String) -> WorkerView {
    WorkerView {
        name: worker.name,
        labels: worker.labels,
        slots: worker.slots,
        busy_slots: 0,
        last_builder,
    }
}

/// What policies see of a request.
pub(crate) fn request_view(request: Request) -> RequestView {
    let (repository, branch, revision) = match request.stamp {
        Some(stamp) => (stamp.repository, stamp.branch, stamp.revision),
        None => Default::default(),
    };
    RequestView {
        id: request.id,
        builder: request.builder,
        priority: request.priority,
        repository,
        branch,
        revision,
        owner: request.owner.unwrap_or_default(),
        reason: request.reason,
        properties: request.properties,
        submitted_at: request.submitted_at,
    }
}
