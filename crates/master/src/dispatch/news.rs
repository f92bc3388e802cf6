//! What moved in history: read whole once, then by following the events.

use std::collections::{BTreeMap, BTreeSet};

use steading_core::forecast::Live;
use steading_core::matcher::{Pace, Waiting};
use steading_core::words::{
    BuildId, Cell, Decided, EventKind, FarmRow, Paused, Request, RequestId, RequestState, Seq,
    Worker,
};
use steading_store::{Error, Glimpse, LastTry, Read};

/// Events that are followed one by one; further behind, reading all is cheaper.
const BEHIND_MAX: usize = 4096;

/// What the matcher has not heard yet, up to a moment.
#[derive(Debug)]
pub(super) struct News {
    /// Requests to look at.
    pub(super) requests: Vec<Asked>,
    /// Workers as they are now, with the builder of their newest build.
    pub(super) workers: Vec<(Worker, String)>,
    /// Everybody who holds a slot or a lock, if that may have changed.
    pub(super) holders: Option<Vec<Live>>,
    /// Every step that waits for locks, if that may have changed.
    pub(super) waiting: Option<Vec<Waiting>>,
    /// How long builds take, of builders of which that may have changed; where the farm backfills.
    pub(super) paces: BTreeMap<String, Option<Pace>>,
    /// How long steps of holders keep their locks, by builder and step; where the farm backfills.
    pub(super) steps: BTreeMap<(String, String), Pace>,
    /// Whether the farm starts anything, and which builders are paused, if that may have changed.
    pub(super) standing: Option<(FarmRow, BTreeMap<String, Paused>)>,
    /// The moment.
    pub(super) decided: Decided,
}

/// A request as it is now.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: RequestId,
    /// Itself, if it is pending.
    pub(super) pending: Option<Request>,
    /// Its last try, if that came to nothing.
    pub(super) last: Option<LastTry>,
}

/// All there is; how long builds take where the farm `backfills`.
pub(super) fn all(r: &Read<'_>, backfills: bool) -> Result<News, Error> {
    let mut last_tries = r.last_tries()?;
    let pending = r.pending()?.into_iter();
    let requests = pending.map(|request| Asked {
        id: request.id,
        last: last_tries.remove(&request.id),
        pending: Some(request),
    });
    let durations = if backfills { r.durations()? } else { BTreeMap::new() };
    let paces = durations.into_iter().map(|(builder, usual)| (builder, usual.pace()));
    let holders = r.live_holdings()?;
    Ok(News {
        requests: requests.collect(),
        workers: workers(r)?,
        paces: paces.collect(),
        steps: if backfills { steps(r, &holders)? } else { BTreeMap::new() },
        holders: Some(holders),
        waiting: Some(r.waiting_steps()?),
        standing: Some(standing(r)?),
        decided: Decided { seq: r.newest_seq()?, at: r.now() },
    })
}

/// What moved after an event, and the requests asked about besides; absent when it is too much.
/// `step_locks` says whether steps may hold locks of their own, `backfills` whether how long builds
/// take counts.
pub(super) fn since(
    r: &Read<'_>,
    since: Seq,
    requests: BTreeSet<RequestId>,
    (step_locks, backfills): (bool, bool),
) -> Result<Option<News>, Error> {
    let mut moved = Moved { requests, ..Moved::default() };
    let heard = r.glimpse_events(since, BEHIND_MAX + 1, |event| moved.hear(event, step_locks))?;
    if heard > BEHIND_MAX || moved.builders {
        // Of a builder that was paused or resumed any request may be in or out now: rare, and done
        // by a person.
        return Ok(None);
    }
    let requests = moved.requests.iter().map(|id| asked(r, *id)).collect::<Result<_, _>>()?;
    let holders = moved.holders.then(|| r.live_holdings()).transpose()?;
    let waiting = moved.holders.then(|| r.waiting_steps()).transpose()?;
    let (mut paces, mut of_steps) = (BTreeMap::new(), BTreeMap::new());
    if backfills {
        let ended: Vec<_> = moved.ended.iter().map(|id| r.build(*id)).collect::<Result<_, _>>()?;
        let builders = ended.into_iter().flatten().map(|build| build.builder);
        for builder in builders.collect::<BTreeSet<String>>() {
            let pace = r.duration(&builder)?.and_then(|usual| usual.pace());
            paces.insert(builder, pace);
        }
        of_steps = steps(r, holders.as_deref().unwrap_or_default())?;
    }
    let workers = match moved.workers {
        true => workers(r)?,
        false => built_on(r, moved.built_on)?,
    };
    let decided = Decided { seq: r.newest_seq()?, at: r.now() };
    let standing = moved.farm.then(|| standing(r)).transpose()?;
    let steps = of_steps;
    Ok(Some(News { requests, workers, holders, waiting, paces, steps, standing, decided }))
}

fn steps(r: &Read<'_>, holders: &[Live]) -> Result<BTreeMap<(String, String), Pace>, Error> {
    let usual = r.durations_of_steps(holders)?.into_iter();
    Ok(usual.filter_map(|(step, usual)| Some((step, usual.pace()?))).collect())
}

fn standing(r: &Read<'_>) -> Result<(FarmRow, BTreeMap<String, Paused>), Error> {
    Ok((r.farm_row()?, r.paused_builders()?))
}

fn asked(r: &Read<'_>, id: RequestId) -> Result<Asked, Error> {
    let pending = r.request(id)?.filter(|request| request.state == RequestState::Pending);
    let last = pending.as_ref().map(|_| r.last_try(id)).transpose()?.flatten();
    Ok(Asked { id, pending, last })
}

/// Every worker, with the builder of its newest build.
pub(super) fn workers(r: &Read<'_>) -> Result<Vec<(Worker, String)>, Error> {
    let mut last_builders = r.last_builders()?;
    let with_last = |worker: Worker| {
        let last = last_builders.remove(&worker.name).unwrap_or_default();
        (worker, last)
    };
    Ok(r.workers()?.into_iter().map(with_last).collect())
}

fn built_on(
    r: &Read<'_>,
    built_on: BTreeMap<String, String>,
) -> Result<Vec<(Worker, String)>, Error> {
    let mut workers = Vec::new();
    for (name, builder) in built_on {
        workers.extend(r.worker(&name)?.map(|worker| (worker, builder)));
    }
    Ok(workers)
}

/// What events say may have moved.
#[derive(Default)]
struct Moved {
    requests: BTreeSet<RequestId>,
    workers: bool,
    /// Builders by the workers on which a build of theirs began.
    built_on: BTreeMap<String, String>,
    holders: bool,
    farm: bool,
    /// A builder was paused or resumed.
    builders: bool,
    /// Builds that are finished.
    ended: BTreeSet<BuildId>,
}

impl Moved {
    fn hear(&mut self, event: Glimpse<'_>, step_locks: bool) -> Result<(), Error> {
        match event.noun {
            "request" => {
                self.requests.insert(RequestId(event.noun_id));
            }
            // What decides nothing.
            "worker" if event.kind == EventKind::WorkerObserved.word() => {}
            "worker" => self.workers = true,
            "claim" => self.holders = true,
            "build" => self.build(event)?,
            "step" => self.holders |= step_locks || event.kind == EventKind::StepWaiting.word(),
            "farm" => self.farm = true,
            "builder" => self.builders |= event.kind == EventKind::BuilderFlagged.word(),
            _ => {}
        }
        Ok(())
    }

    fn build(&mut self, event: Glimpse<'_>) -> Result<(), Error> {
        let delta = event.delta()?;
        let started = event.kind == EventKind::BuildStarted.word();
        let moved = |field: &str| delta.contains_key(field);
        self.holders |= started || moved("steps_ended_at") || moved("lost_at");
        if moved("finished_at") {
            self.ended.insert(BuildId(event.noun_id));
        }
        let text = |field: &str| match delta.get(field) {
            Some(Cell::Text(text)) => Some(text.clone()),
            _ => None,
        };
        if let (true, Some(worker), Some(builder)) = (started, text("worker"), text("builder")) {
            self.built_on.insert(worker, builder);
        }
        Ok(())
    }
}
