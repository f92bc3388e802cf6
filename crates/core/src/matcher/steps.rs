//! Steps of running builds that wait for locks of their own, in one order with pending requests.
//!
//! A waiting step ranks like the tuple of its request and its worker, and needs no slot; one whose
//! terms fail goes last, one that wants more than there is takes no part. The first of the order
//! that may go goes. Whatever somebody waits for is kept back from all that rank below, requests
//! and steps. Against a *step* that rule has one exception, without which builds could wait for
//! each other for ever: a build keeps its builder's locks while its step waits, so a request that
//! waits for one of these must not keep it from going on. Therefore units are kept back from steps
//! only on behalf of
//!
//! * those that are *sure* to go: all that is in their way is held by builds that go on, no step of
//!   theirs waiting, or kept for others that are sure. While nobody runs, nobody is sure and waits;
//! * others that wait for one lock alone, and not merely for somebody this exception speaks of:
//!   that lock. Such a waiter waits for those who hold it; what these may wait for in turn lies
//!   further along the order of locks, which has no circle (or the configuration is refused).
//!
//! So somebody always goes on. And who is first in line for its locks gets them when those end who
//! held them by then: once none of these waits itself, it is sure, and nobody behind gets any.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use super::books::HoldingId;
use super::eligible::locks_fit;
use super::facts::{Memory, Seat, World};
use super::keys::{Half, Moment, Ranked, shape};
use super::live::Live;
use super::locks::{Ledger, Pool, pool};
use super::pass::rank;
use super::{Holding, Match, Matcher, NotNow, TermValue};
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

    /// What goes next: the first of all that may, steps and tuples in one order; if nothing may,
    /// what may be backfilled.
    pub fn next_start(&mut self, policy: &dyn Policy, now: Micros) -> Option<Start> {
        let first = self.next_in_order(policy, now);
        first.or_else(|| self.backfilled(policy, now).map(Start::Build))
    }

    fn next_in_order(&mut self, policy: &dyn Policy, now: Micros) -> Option<Start> {
        if self.world.waiting.is_empty() {
            return self.best(policy, now).map(Start::Build);
        }
        self.follow(policy, now);
        let moment = Moment::of(policy, &self.world, now);
        let mut all = self.live.is_mixed();
        loop {
            let Walked { shape, ahead, first } = self.walk_line(&moment, all);
            if all {
                return first.map(|first| first.starts(now));
            }
            // None of the requests above these steps can start: to the others they are holders.
            let kept: Vec<HoldingId> = ahead.into_iter().map(|it| self.hold(it, None)).collect();
            let found = self.best(policy, now);
            kept.into_iter().for_each(|id| self.release(id));
            let other = |found: &Match| shape.as_ref().is_some_and(|it| *it != shapes(&found.key));
            if shape.is_none() || found.as_ref().is_some_and(other) {
                // Values of different types: only a look at every pair says which count.
                all = true;
                continue;
            }
            let step = first.filter(|first| first.step.is_some());
            return match (step, found) {
                (Some(step), Some(found)) if step.is_below(&found, policy) => {
                    Some(Start::Build(found))
                }
                (Some(step), _) => Some(step.starts(now)),
                (None, found) => found.map(Start::Build),
            };
        }
    }

    /// From the first on, those who want locks (or `all`), down to the first that may go.
    fn walk_line(&mut self, moment: &Moment<'_>, all: bool) -> Walked {
        let Matcher { world, memory, live, .. } = self;
        let (waiters, shape) = waiters(world, memory, moment, (live, all));
        let mut line = Line::new(world);
        let mut ahead = Vec::new();
        for waiter in waiters {
            if line.lets_go(&waiter) {
                let Waiter { rank, request, worker, step, .. } = waiter;
                let first = First { rank, request, worker: worker.to_owned(), step };
                return Walked { shape, ahead, first: Some(first) };
            }
            let it = waiter.step.and_then(|step| world.waiting.get(&step));
            ahead.extend(it.map(|it| Holding {
                by: it.by.clone(),
                worker: it.worker.clone(),
                slot: false,
                locks: it.locks.clone(),
                runs: None,
            }));
        }
        Walked { shape, ahead, first: None }
    }
}

/// The types of what the terms say.
type Shapes = Vec<Vec<&'static str>>;

fn shapes(key: &[TermValue]) -> Shapes {
    key.iter().map(shape).collect()
}

fn shapes_of(rank: &[Ranked]) -> Shapes {
    rank.iter().map(|ranked| shape(ranked.value())).collect()
}

/// How far the line was walked.
struct Walked {
    /// The types of all ranks in it, where they are the same.
    shape: Option<Shapes>,
    /// The steps that were passed, as holders of what they want.
    ahead: Vec<Holding>,
    first: Option<First>,
}

/// The first of the line that may go.
struct First {
    rank: Option<Vec<Ranked>>,
    request: RequestId,
    worker: String,
    step: Option<StepId>,
}

impl First {
    fn starts(self, at: Micros) -> Start {
        match self.step {
            Some(step) => Start::Step(step),
            None => {
                let rank = self.rank.unwrap_or_default();
                let key = rank.iter().map(|ranked| ranked.value().clone()).collect();
                let (request, worker) = (self.request, self.worker);
                Start::Build(Match { request, worker, key, at, backfill: None })
            }
        }
    }

    fn is_below(&self, found: &Match, policy: &dyn Policy) -> bool {
        let Some(own) = &self.rank else { return true };
        let terms = policy.order().iter().zip(&found.key);
        let rank: Vec<Ranked> =
            terms.map(|(term, value)| Ranked::new(term.direction, value.clone())).collect();
        let by_name = || (found.request, &found.worker).cmp(&(self.request, &self.worker));
        own.cmp(&rank).then_with(by_name).is_lt()
    }
}

/// What those of the line that were passed keep back.
struct Line<'a> {
    world: &'a World,
    wanted: Ledger<'a>,
    kept_from_steps: Ledger<'a>,
    /// What is kept in `wanted` for those who are sure to go.
    sure: BTreeSet<(Pool, RequestId)>,
    /// The requests of the builds whose steps wait.
    waits: BTreeSet<RequestId>,
}

impl<'a> Line<'a> {
    fn new(world: &'a World) -> Line<'a> {
        Line {
            world,
            wanted: Ledger::new(&world.locks, world.books.holdings()),
            kept_from_steps: Ledger::new(&world.locks, world.books.holdings()),
            sure: BTreeSet::new(),
            waits: world.waiting.values().map(|it| it.view.id).collect(),
        }
    }

    /// Whether the next of the line may go; if not, it keeps back what it wants.
    fn lets_go(&mut self, next: &Waiter<'_>) -> bool {
        let Waiter { request, worker, locks, .. } = *next;
        let blocking = self.wanted.blocking(request, worker, locks);
        let blocking_steps = self.kept_from_steps.blocking(request, worker, locks);
        if if next.step.is_some() { blocking_steps.is_empty() } else { blocking.is_empty() } {
            return true;
        }
        if self.is_sure(request, worker, &blocking) {
            let pools = locks.iter().filter_map(|held| pool(&self.world.locks, &held.lock, worker));
            self.sure.extend(pools.map(|pool| (pool, request)));
            self.kept_from_steps.reserve(request, worker, locks);
        } else if blocking.len() == 1 && blocking == blocking_steps {
            let only = locks.iter().filter(|held| held.lock == blocking[0]);
            let only: Vec<HeldLock> = only.cloned().collect();
            self.kept_from_steps.reserve(request, worker, &only);
        }
        self.wanted.reserve(request, worker, locks);
        false
    }

    /// All that is in the way goes on by itself.
    fn is_sure(&self, request: RequestId, worker: &str, blocking: &[String]) -> bool {
        let pools = blocking.iter().filter_map(|lock| pool(&self.world.locks, lock, worker));
        pools.into_iter().all(|pool| {
            let mut kept = self.wanted.reservations(&pool).filter(|(by, _)| *by != request);
            kept.all(|(by, _)| self.sure.contains(&(pool.clone(), by)))
                && self.world.books.builders_of(&pool).all(|id| !self.waits.contains(&id))
        })
    }
}

/// All steps that wait, and the tuples above the last of them whose requests want locks (or `all`
/// tuples), best first; and the types of their ranks, if all have the same.
fn waiters<'a>(
    world: &'a World,
    memory: &mut Memory,
    moment: &Moment<'_>,
    (live, every): (&Live, bool),
) -> (Vec<Waiter<'a>>, Option<Shapes>) {
    let mut steps = steps(world, memory, moment);
    let last = if every { None } else { steps.iter().max_by(|a, b| a.before(b)) };
    let last = last.and_then(|last| last.rank.clone());
    let open = world.seats.values().filter(|seat| seat.is_open());
    let open = open.filter(|seat| !live.is_worker_unseen(&seat.view.name));
    let open: Vec<(&Seat, Half)> =
        open.map(|seat| (seat, memory.judge(moment).worker_half(&seat.view))).collect();
    let mut tuples = Vec::new();
    for (id, pending) in &world.requests {
        let locks = pending.candidate.recipe.locks.as_slice();
        if (locks.is_empty() && !every) || live.is_request_unseen(*id) {
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
                tuples.push(Waiter { rank, request: *id, worker, step: None, locks });
            }
        }
    }
    // The lowest request id and worker name say what types count; tuples before steps.
    let of = |it: &Waiter<'_>| it.rank.as_deref().map(shapes_of);
    let types = tuples.iter().chain(&steps).find_map(of);
    let same = tuples.iter().chain(&steps).filter_map(of).all(|it| Some(it) == types);
    tuples.retain(|it| of(it) == types);
    for step in steps.iter_mut().filter(|step| of(step) != types) {
        step.rank = None;
    }
    tuples.extend(steps);
    tuples.sort_by(Waiter::before);
    let some = types.unwrap_or_default();
    (tuples, same.then_some(some))
}

/// The steps that wait where somebody is, for what there is; by request and worker.
fn steps<'a>(world: &'a World, memory: &mut Memory, moment: &Moment<'_>) -> Vec<Waiter<'a>> {
    let mut all: Vec<Waiter<'a>> = Vec::new();
    for it in world.waiting.values() {
        let Some(seat) = world.seats.get(&it.worker).filter(|seat| is_there(seat)) else {
            continue;
        };
        let (request, worker, locks) = (it.view.id, it.worker.as_str(), it.locks.as_slice());
        if locks_fit(locks, worker, &world.locks).is_err() {
            continue;
        }
        let mut judge = memory.judge(moment);
        let (by_request, by_worker) = (judge.request_half(&it.view), judge.worker_half(&seat.view));
        let rank = judge.rank((&it.view, &by_request), (&seat.view, &by_worker)).ok();
        all.push(Waiter { rank, request, worker, step: Some(it.step), locks });
    }
    all.sort_by_key(|it| (it.request, it.worker, it.step));
    all
}

/// A build goes on there: also where nothing new begins. A reset that is due waits for its end.
fn is_there(seat: &Seat) -> bool {
    !matches!(seat.accepting, Err(NotNow::Offline))
}

/// Whether a request ranks below on every worker, by its own terms alone. Values of different types
/// do not tell: then all pairs are looked at, to see which types count.
fn ranks_below(half: &Half, rank: &[Ranked]) -> bool {
    for (own, other) in half.iter().zip(rank) {
        match own {
            Some(Ok(own)) if own == other => {}
            Some(Ok(own)) => return own < other && shape(own.value()) == shape(other.value()),
            _ => return false,
        }
    }
    false
}
