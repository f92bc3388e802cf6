//! The simulation: from one moment at which something happens to the next.

use std::collections::{BTreeMap, BTreeSet};

use super::agenda::{Agenda, Happening};
use super::seat::Seat;
use super::{Arrival, Decision, Report, Waiter, World};
use crate::farm::{Policy, RequestView};
use crate::matcher::{Candidate, Holding, Match, Matcher};
use crate::words::{HeldLock, Micros, RequestId};

/// Runs a world under a policy until nothing more can happen.
#[must_use]
pub fn replay(world: &World, policy: &dyn Policy) -> Report {
    let mut scene = Scene::new(world, policy);
    while let Some((at, happenings)) = scene.agenda.next() {
        scene.now = at;
        for it in happenings {
            scene.happen(it);
        }
        scene.dispatch();
    }
    scene.report()
}

/// The farm at a moment of the replay.
pub(super) struct Scene<'w> {
    pub(super) world: &'w World,
    pub(super) policy: &'w dyn Policy,
    pub(super) now: Micros,
    agenda: Agenda,
    pub(super) matcher: Matcher,
    /// Whether holdings ended since the matcher was told.
    freed: bool,
    /// Who waits, as the policy sees it.
    pub(super) pending: BTreeMap<RequestId, Waiting<'w>>,
    /// Who waits for what only a revision tells apart: builder, repository, branch.
    pub(super) places: BTreeMap<Place<'w>, BTreeSet<RequestId>>,
    /// Who completes with whom.
    pub(super) folded: BTreeMap<RequestId, Vec<Waiting<'w>>>,
    running: BTreeMap<RequestId, Running>,
    /// The requests of builds that run: `fair` terms count them.
    views: BTreeMap<RequestId, RequestView>,
    pub(super) seats: BTreeMap<String, Seat>,
    pub(super) waits: Vec<(Waiter, &'w Arrival)>,
    pub(super) last_end: Micros,
    pub(super) report: Report,
}

/// A build that runs, and when it is expected to leave its locks.
struct Running {
    holding: Holding,
    leaves: Option<Micros>,
}

pub(super) type Place<'w> = (&'w str, &'w str, &'w str);

pub(super) struct Waiting<'w> {
    pub(super) arrival: &'w Arrival,
    /// With the priority and the submit time it has by now.
    pub(super) view: RequestView,
}

impl<'w> Scene<'w> {
    fn new(world: &'w World, policy: &'w dyn Policy) -> Scene<'w> {
        let mut scene = Scene {
            world,
            policy,
            now: world.since,
            agenda: Agenda::of(world),
            matcher: Matcher::new(&world.farm),
            freed: true,
            pending: BTreeMap::new(),
            places: BTreeMap::new(),
            folded: BTreeMap::new(),
            running: BTreeMap::new(),
            views: BTreeMap::new(),
            seats: BTreeMap::new(),
            waits: Vec::new(),
            last_end: world.since,
            report: Report::default(),
        };
        for (name, past) in &world.workers {
            let seat = Seat::new(name, past, world.since);
            scene.matcher.set_worker(seat.view.clone(), seat.accepting.clone());
            scene.seats.insert(name.clone(), seat);
        }
        for (builder, pace) in &world.paces {
            scene.matcher.learn(builder, Some(*pace));
        }
        for build in &world.running {
            let held = (build.worker.as_str(), build.locks.clone());
            scene.hold(build.request, (&build.builder, build.started_at), held);
        }
        scene
    }

    fn happen(&mut self, it: Happening) {
        match it {
            Happening::Arrives(place) => self.arrive(&self.world.arrivals[place]),
            Happening::Priority(request, priority) => {
                if let Some(mut waiting) = self.forget(request) {
                    waiting.view.priority = priority;
                    self.wait(waiting);
                }
            }
            Happening::Withdrawn(request) => self.withdraw(request),
            Happening::Worker(name, accepting) => {
                if let Some(seat) = self.seats.get_mut(&name) {
                    seat.count_to(self.now);
                    seat.accepting = accepting;
                    self.matcher.set_worker(seat.view.clone(), seat.accepting.clone());
                }
            }
            Happening::LocksFree(request) => {
                if let Some(Running { holding, .. }) = self.running.get_mut(&request) {
                    self.freed |= holding.runs.take().is_some() || !holding.locks.is_empty();
                    holding.locks.clear();
                }
            }
            Happening::Ends(request) => self.end(request),
            Happening::Wake => {}
        }
    }

    pub(super) fn wait(&mut self, waiting: Waiting<'w>) {
        let recipe = waiting.arrival.recipe.clone();
        self.matcher.add_request(Candidate { view: waiting.view.clone(), recipe });
        let id = waiting.view.id;
        self.places.entry(place(waiting.arrival)).or_default().insert(id);
        self.pending.insert(id, waiting);
    }

    /// The request is pending no more; `None` if it was not.
    pub(super) fn forget(&mut self, request: RequestId) -> Option<Waiting<'w>> {
        let waiting = self.pending.remove(&request)?;
        self.matcher.remove_request(request);
        if let Some(there) = self.places.get_mut(&place(waiting.arrival)) {
            there.remove(&request);
        }
        Some(waiting)
    }

    fn dispatch(&mut self) {
        if std::mem::take(&mut self.freed) {
            self.matcher.set_holdings(Vec::new());
            for (request, Running { holding, leaves }) in &self.running {
                let id = self.matcher.hold(holding.clone(), self.views.get(request));
                self.matcher.expect(id, *leaves);
            }
        }
        while let Some(found) = self.matcher.next(self.policy, self.now) {
            self.matcher.take(&found);
            self.start(&found);
        }
        // With nothing else to come no order starts what is still waiting.
        let (Some(wake), Some(next)) = (self.matcher.next_wake(self.now), self.agenda.next_at())
        else {
            return;
        };
        if !self.pending.is_empty() && self.now < wake && wake < next {
            self.agenda.put(wake, Happening::Wake);
        }
    }

    fn start(&mut self, found: &Match) {
        let Some(waiting) = self.forget(found.request) else { return };
        let Waiting { arrival, view } = waiting;
        let (mut locks, mut ends) =
            (self.now.plus(arrival.length.locks), self.now.plus(arrival.length.slot));
        // It was taken back in the end: then its build is cancelled at that time.
        if let Some(at) = arrival.withdrawn_at {
            ends = ends.min(at.max(self.now));
        }
        locks = locks.min(ends);
        let locks_held = arrival.recipe.locks.clone();
        self.hold(view.id, (&view.builder, self.now), (&found.worker, locks_held));
        self.agenda.put(locks, Happening::LocksFree(view.id));
        self.agenda.put(ends, Happening::Ends(view.id));
        if let Some(seat) = self.seats.get_mut(&found.worker) {
            seat.view.last_builder = view.builder.to_string();
            self.matcher.set_worker(seat.view.clone(), seat.accepting.clone());
        }
        self.last_end = self.last_end.max(ends);
        self.waited(&view, arrival);
        self.views.insert(view.id, view.clone());
        let (request, builder, worker) = (view.id, view.builder.to_string(), found.worker.clone());
        self.report.decisions.push(Decision { request, builder, worker, at: self.now });
    }

    pub(super) fn waited(&mut self, view: &RequestView, arrival: &'w Arrival) -> Waiter {
        let waited = self.now.since(view.submitted_at);
        let waiter = Waiter { request: view.id, builder: view.builder.to_string(), waited };
        self.waits.push((waiter.clone(), arrival));
        waiter
    }

    fn hold(
        &mut self,
        request: RequestId,
        (builder, began): (&str, Micros),
        (worker, locks): (&str, Vec<HeldLock>),
    ) {
        let (by, worker) = (format!("request {request}"), worker.to_owned());
        let runs = Some(builder.to_owned());
        if let Some(seat) = self.seats.get_mut(&worker) {
            seat.count_to(self.now);
            seat.view.busy_slots += 1;
        }
        let leaves = self.matcher.pace(builder).map(|pace| began.plus(pace.locks));
        let holding = Holding { by, worker, slot: true, locks, runs };
        self.running.insert(request, Running { holding, leaves });
    }

    fn end(&mut self, request: RequestId) {
        let Some(Running { holding, .. }) = self.running.remove(&request) else { return };
        self.views.remove(&request);
        self.freed = true;
        if let Some(seat) = self.seats.get_mut(&holding.worker) {
            seat.count_to(self.now);
            seat.view.busy_slots -= 1;
        }
    }
}

pub(super) fn place(arrival: &Arrival) -> Place<'_> {
    (&arrival.view.builder, &arrival.view.repository, &arrival.view.branch)
}
