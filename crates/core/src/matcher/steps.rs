//! Steps of running builds that wait for locks of their own, in one order with pending requests.
//!
//! A waiting step ranks like the tuple of its request and its worker, and needs no slot. Whatever
//! it waits for is kept back from all that rank below it, requests and steps. Against a *step* that
//! rule has one exception, without which builds could wait for each other for ever: a build keeps
//! its builder's locks while its step waits, so a request that waits for one of these must not keep
//! it from going on. Therefore units are kept back from steps only on behalf of those that wait for
//! that one lock alone, and not merely for somebody this exception speaks of. Such a waiter waits
//! for those who hold the lock; what these may wait for in turn lies further along the order of
//! locks, which has no circle (the configuration is refused otherwise). So somebody always goes on.

use std::cmp::{Ordering, Reverse};

use super::books::HoldingId;
use super::facts::{Memory, Seat, World};
use super::keys::{Half, Moment, Ranked};
use super::locks::Ledger;
use super::pass::rank;
use super::{Holding, Match, Matcher, NotNow};
use crate::farm::{Policy, RequestView};
use crate::words::{HeldLock, Micros, RequestId, StepId};

/// A step that waits for the locks it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The step.
    pub step: StepId,
    /// What people call it: `hello/17 test`.
    pub by: String,
    /// The request of its build.
    pub view: RequestView,
    /// Where its build runs.
    pub worker: String,
    /// What it takes.
    pub locks: Vec<HeldLock>,
}

/// What goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// This request, on this worker.
    Build(Match),
    /// This step, which gets its locks.
    Step(StepId),
}

/// Somebody who wants locks, and where.
struct Waiter<'a> {
    /// None for a step whose terms fail: it goes last.
    rank: Option<Vec<Ranked>>,
    request: RequestId,
    worker: &'a str,
    step: Option<StepId>,
    locks: &'a [HeldLock],
}

impl Waiter<'_> {
    fn before(&self, other: &Waiter<'_>) -> Ordering {
        let key = |it: &Self| (Reverse(it.request), Reverse(it.worker.to_owned()));
        let other_key = (Reverse(other.request), Reverse(other.worker.to_owned()));
        other.rank.cmp(&self.rank).then_with(|| other_key.cmp(&key(self)))
    }
}

impl Matcher {
    /// All steps that wait for locks at the moment.
    pub fn set_waiting(&mut self, steps: Vec<Waiting>) {
        self.world.waiting = steps.into_iter().map(|waiting| (waiting.step, waiting)).collect();
    }

    /// The steps that wait for locks.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.world.waiting.values()
    }

    /// A step got its locks.
    pub fn grant(&mut self, step: StepId) -> Option<HoldingId> {
        let Waiting { by, worker, locks, .. } = self.world.waiting.remove(&step)?;
        Some(self.hold(Holding { by, worker, slot: false, locks, runs: None }, None))
    }

    /// Lets the steps that still wait stand as holders of what they wait for: for looking at a farm
    /// on which nothing can start any more.
    pub(super) fn show_waiting(&mut self) {
        for it in std::mem::take(&mut self.world.waiting).into_values() {
            let Waiting { by, worker, locks, .. } = it;
            let by = format!("{by} (waiting)");
            self.hold(Holding { by, worker, slot: false, locks, runs: None }, None);
        }
    }

    /// What goes next: the best step whose locks are grantable, as long as no lock it wants is kept
    /// for what ranks above it; else the best feasible tuple.
    pub fn next_start(&mut self, policy: &dyn Policy, now: Micros) -> Option<Start> {
        if self.world.waiting.is_empty() {
            return self.best(policy, now).map(Start::Build);
        }
        let moment = Moment::of(policy, &self.world, now);
        let ahead = match next_step(&self.world, &mut self.memory, &moment) {
            Ok(step) => return Some(Start::Step(step)),
            Err(ahead) => ahead,
        };
        // None of the requests above these steps can start: to the others they are holders.
        let kept: Vec<Holding> = ahead
            .iter()
            .filter_map(|step| self.world.waiting.get(step))
            .map(|it| Holding {
                by: it.by.clone(),
                worker: it.worker.clone(),
                slot: false,
                locks: it.locks.clone(),
                runs: None,
            })
            .collect();
        let kept: Vec<HoldingId> = kept.into_iter().map(|it| self.hold(it, None)).collect();
        let found = self.best(policy, now);
        kept.into_iter().for_each(|id| self.release(id));
        found.map(Start::Build)
    }
}

/// The best step that may go on; if none may before the first request that may start, those that
/// rank above that request.
fn next_step(
    world: &World,
    memory: &mut Memory,
    moment: &Moment<'_>,
) -> Result<StepId, Vec<StepId>> {
    let mut wanted = Ledger::new(&world.locks, world.books.holdings());
    let mut kept_from_steps = Ledger::new(&world.locks, world.books.holdings());
    let mut passed = Vec::new();
    for waiter in waiters(world, memory, moment) {
        let Waiter { request, worker, locks, .. } = waiter;
        let blocking = wanted.blocking(request, worker, locks);
        let blocking_steps = kept_from_steps.blocking(request, worker, locks);
        match waiter.step {
            None if blocking.is_empty() => return Err(passed),
            Some(step) if blocking_steps.is_empty() => return Ok(step),
            step => passed.extend(step),
        }
        if blocking.len() == 1 && blocking == blocking_steps {
            let only = locks.iter().filter(|held| held.lock == blocking[0]);
            let only: Vec<HeldLock> = only.cloned().collect();
            kept_from_steps.reserve(request, worker, &only);
        }
        wanted.reserve(request, worker, locks);
    }
    Err(passed)
}

/// All steps that wait, and the tuples above the last of them whose requests want locks; best first.
fn waiters<'a>(world: &'a World, memory: &mut Memory, moment: &Moment<'_>) -> Vec<Waiter<'a>> {
    let mut all: Vec<Waiter<'a>> = Vec::new();
    for it in world.waiting.values() {
        let Some(seat) = world.seats.get(&it.worker).filter(|seat| is_there(seat)) else {
            continue;
        };
        let mut judge = memory.judge(moment);
        let (by_request, by_worker) = (judge.request_half(&it.view), judge.worker_half(&seat.view));
        let rank = judge.rank((&it.view, &by_request), (&seat.view, &by_worker)).ok();
        let (request, worker, locks) = (it.view.id, it.worker.as_str(), it.locks.as_slice());
        all.push(Waiter { rank, request, worker, step: Some(it.step), locks });
    }
    all.sort_by(Waiter::before);
    let Some(last) = all.last().map(|last| last.rank.clone()) else { return all };
    let open = world.seats.values().filter(|seat| seat.is_open());
    let open: Vec<(&Seat, Half)> =
        open.map(|seat| (seat, memory.judge(moment).worker_half(&seat.view))).collect();
    for (id, pending) in &world.requests {
        let locks = pending.candidate.recipe.locks.as_slice();
        if locks.is_empty() {
            continue;
        }
        let half = memory.judge(moment).request_half(&pending.candidate.view);
        if last.as_ref().is_some_and(|last| ranks_below(&half, last)) {
            continue;
        }
        for (seat, by_worker) in &open {
            let sides = ((pending.as_ref(), &half), (*seat, by_worker));
            if let Ok(rank) = rank(world, memory, moment, sides) {
                let (rank, worker) = (Some(rank), seat.view.name.as_str());
                all.push(Waiter { rank, request: *id, worker, step: None, locks });
            }
        }
    }
    all.sort_by(Waiter::before);
    all
}

/// A build goes on there: also where nothing new begins.
fn is_there(seat: &Seat) -> bool {
    !matches!(seat.accepting, Err(NotNow::Offline | NotNow::Resetting))
}

/// Whether a request ranks below on every worker, by its own terms alone.
fn ranks_below(half: &Half, rank: &[Ranked]) -> bool {
    for (own, other) in half.iter().zip(rank) {
        match own {
            Some(Ok(own)) if own == other => {}
            Some(Ok(own)) => return own < other,
            _ => return false,
        }
    }
    false
}
