//! What the matcher is told of history: all of it once, then what events say has moved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use steading_core::forecast::Live;
use steading_core::matcher::{Candidate, Holding, HoldingId, Matcher, Pace};
use steading_core::settle::rest;
use steading_core::words::{Decided, FarmRow, HeldLock, Micros, Paused, Request, RequestId};
use steading_store::{LastTry, Read};

use super::bounds::Bounds;
use super::news::{self, Asked, News};
use super::views::{accepting, view};
use crate::context::Context;
use crate::farms::{FarmError, Present};

/// Rows that are read, and things a matcher is told, on a thread that serves others too; with more
/// that would keep these waiting.
pub(super) const FEW: usize = 256;

/// A matcher that knows history up to a moment.
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
    /// Workers in quarantine, and until when.
    pub(super) quarantined: BTreeMap<String, Micros>,
    /// Requests whose builder is paused: not offered, and in nobody's way.
    pub(super) held_back: BTreeMap<RequestId, String>,
    /// Whether the farm starts anything.
    pub(super) farm: FarmRow,
    /// The builders somebody paused.
    pub(super) paused: BTreeMap<String, Paused>,
    /// When requests were to start.
    pub(super) bounds: Bounds,
    /// Who holds slots and locks, by what people call them.
    held: BTreeMap<String, (Holding, HoldingId)>,
}

/// What a claim of a request needs, besides its match.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    /// The builder.
    pub(super) builder: String,
    /// The locks its build will hold.
    pub(super) locks: Vec<HeldLock>,
}

impl Snapshot {
    /// Reads a moment and tells a fresh matcher all of it.
    pub(super) async fn take(context: &Context) -> Result<Snapshot, FarmError> {
        let present = context.farms.present();
        let backfills = present.policy.backfills();
        let news = context.store.read(move |r| news::all(r, backfills)).await?;
        let mut snapshot = Snapshot {
            matcher: Matcher::new(&present.farm),
            present,
            decided: news.decided,
            recipes: BTreeMap::new(),
            resting: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            held_back: BTreeMap::new(),
            farm: FarmRow::default(),
            paused: BTreeMap::new(),
            bounds: Bounds::default(),
            held: BTreeMap::new(),
        };
        snapshot.learn(context, news).await?;
        Ok(snapshot)
    }

    /// Tells the matcher what moved since, and `again` the requests it was asked to forget. False
    /// when it fell too far behind, or the farm is another: then take a new one.
    pub(super) async fn follow(
        &mut self,
        context: &Context,
        again: BTreeSet<RequestId>,
    ) -> Result<bool, FarmError> {
        if self.present.id != context.farms.present().id {
            return Ok(false);
        }
        let (since, now) = (self.decided.seq, self.resting.clone());
        let step_locks = self
            .present
            .farm
            .builders
            .values()
            .any(|builder| builder.plan.steps.iter().any(|step| !step.locks.is_empty()))
            // Those of builds that began under another farm.
            || self.held.values().any(|(holding, _)| !holding.slot)
            || self.matcher.waiting().next().is_some();
        let quarantined = self.quarantined.clone();
        let backfills = self.present.policy.backfills();
        // How long builds take is read from many of them.
        let few = !backfills && self.follows_closely(context.store.seq().borrow().0);
        let look = move |r: &Read<'_>| {
            let rested = now.iter().filter(|(_, until)| **until <= r.now()).map(|(id, _)| *id);
            let news =
                news::since(r, since, rested.chain(again).collect(), (step_locks, backfills))?;
            // The end of a quarantine is no event.
            let over = quarantined.values().any(|until| *until <= r.now());
            let workers = if over { Some(news::workers(r)?) } else { None };
            Ok(news.map(|news| match workers {
                Some(workers) => News { workers, ..news },
                None => news,
            }))
        };
        let heard =
            if few { context.store.glance(look).await } else { context.store.read(look).await };
        match heard? {
            Some(news) => self.learn(context, news).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether what moved since can be few rows only: all holders and all workers may be read
    /// again.
    fn follows_closely(&self, newest: i64) -> bool {
        let events = usize::try_from(newest - self.decided.seq.0).unwrap_or(usize::MAX);
        [events, self.held.len(), self.matcher.workers()].into_iter().all(|rows| rows <= FEW)
    }

    async fn learn(&mut self, context: &Context, news: News) -> Result<(), FarmError> {
        self.decided = news.decided;
        if let Some((farm, paused)) = news.standing {
            (self.farm, self.paused) = (farm, paused);
        }
        for (worker, last_builder) in news.workers {
            let (name, now) = (worker.name.clone(), self.decided.at);
            let until = worker.quarantine.as_ref().map(|quarantine| quarantine.until);
            match until.filter(|until| *until > now) {
                Some(until) => self.quarantined.insert(name, until),
                None => self.quarantined.remove(&name),
            };
            let accepting = accepting(&worker, now);
            self.matcher.set_worker(view(worker, last_builder, now), accepting);
        }
        for (builder, pace) in news.paces {
            self.matcher.learn(&builder, pace);
        }
        if let Some(holders) = news.holders {
            self.hold(holders, &news.steps);
        }
        if let Some(waiting) = news.waiting {
            self.matcher.set_waiting(waiting);
        }
        for asked in news.requests {
            self.request(context, asked).await?;
        }
        Ok(())
    }

    /// Releases what is held no more, or otherwise; holds what is new. One that is being offered
    /// begins now at the earliest.
    fn hold(&mut self, holders: Vec<Live>, steps: &BTreeMap<(String, String), Pace>) {
        let now: BTreeMap<String, Live> =
            holders.into_iter().map(|live| (live.holding.by.clone(), live)).collect();
        let matcher = &mut self.matcher;
        self.held.retain(|by, (holding, id)| {
            let same = now.get(by).is_some_and(|live| live.holding == *holding);
            if !same {
                matcher.release(*id);
            }
            same
        });
        for (by, live) in now {
            let pace = match &live.step {
                None => matcher.pace(&live.builder),
                Some(step) => steps.get(&(live.builder.clone(), step.clone())).copied(),
            };
            let began = live.started_at.unwrap_or(self.decided.at);
            let (_, id) = self.held.entry(by).or_insert_with(|| {
                let id = matcher.hold(live.holding.clone(), live.of.as_ref());
                (live.holding, id)
            });
            matcher.expect(*id, pace.map(|pace| began.plus(pace.locks)));
        }
    }

    async fn request(&mut self, context: &Context, asked: Asked) -> Result<(), FarmError> {
        let Asked { id, pending, last } = asked;
        self.bounds.look(id, pending.as_ref());
        self.resting.remove(&id);
        self.held_back.remove(&id);
        let until = last.map(|last| rests_until(&last)).filter(|until| *until > self.decided.at);
        let recipe = match (pending, until) {
            (Some(_), Some(until)) => {
                self.resting.insert(id, until);
                None
            }
            (Some(request), None) if self.paused.contains_key(&request.builder) => {
                self.held_back.insert(id, request.builder);
                None
            }
            (Some(request), None) => self.add(context, request).await?,
            (None, _) => None,
        };
        match recipe {
            Some(recipe) => {
                self.recipes.insert(id, recipe);
            }
            None => {
                self.matcher.remove_request(id);
                self.recipes.remove(&id);
            }
        }
        Ok(())
    }

    /// A request means the builder of the configuration it began with. One whose configuration does
    /// not evaluate any more, or has no such builder, is left out: it stops nobody else.
    async fn add(
        &mut self,
        context: &Context,
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
        let candidate = Candidate::new(request.into(), builder, pinned.as_deref());
        self.matcher.add_request(candidate);
        Ok(Some(Recipe { builder: builder.name.clone(), locks: builder.locks.clone() }))
    }
}

/// When a request that came back may be offered again.
fn rests_until(last: &LastTry) -> Micros {
    last.ended_at.plus(rest(last.lost_builds))
}
