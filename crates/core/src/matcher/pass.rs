//! One pass: all comparable tuples, best first, down to the first whose locks are grantable.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::eligible::eligible;
use super::facts::{Memory, Pending, Seat, World};
use super::keys::{FaultReport, Half, Moment, Ranked, shape};
use super::locks::Ledger;
use super::{Match, Matcher, Why};
use crate::words::RequestId;

/// A tuple and its rank; the greatest goes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tuple<'a> {
    rank: Vec<Ranked>,
    request: Reverse<RequestId>,
    worker: Reverse<&'a str>,
}

impl<'a> Tuple<'a> {
    pub(super) fn request(&self) -> RequestId {
        self.request.0
    }

    pub(super) fn worker(&self) -> &'a str {
        self.worker.0
    }
}

/// The tuples a pass compares, and those it dropped because their types do not compare.
#[derive(Debug, Default)]
pub(super) struct Compared<'a> {
    pub(super) tuples: Vec<Tuple<'a>>,
    pub(super) mixed: Vec<(RequestId, &'a str, Why)>,
}

impl Matcher {
    /// The best feasible tuple by looking at every pair: what [`Matcher::next`] falls back on while
    /// the values of a term do not all have one type.
    pub(super) fn next_of_all(&mut self, moment: &Moment<'_>) -> Option<Match> {
        let world = &self.world;
        let compared = compared(world, &mut self.memory, moment, Seat::is_open);
        let mut ledger = Ledger::new(&world.locks, world.books.holdings());
        let mut queue = BinaryHeap::from(compared.tuples);
        while let Some(tuple) = queue.pop() {
            let (request, worker) = (tuple.request(), tuple.worker());
            let locks = &world.requests.get(&request)?.candidate.recipe.locks;
            if ledger.blocking(request, worker, locks).is_empty() {
                let key = tuple.rank.iter().map(|r| r.value().clone()).collect();
                let (worker, at) = (worker.to_owned(), moment.now);
                return Some(Match { request, worker, key, at, backfill: None });
            }
            ledger.reserve(request, worker, locks);
        }
        None
    }
}

/// Every tuple on the workers that are `open` which only locks could keep from running.
pub(super) fn compared<'a>(
    world: &'a World,
    memory: &mut Memory,
    moment: &Moment<'_>,
    open: impl Fn(&Seat) -> bool,
) -> Compared<'a> {
    let mut seats: Vec<(&Seat, Half)> = Vec::new();
    for seat in world.seats.values().filter(|seat| open(seat)) {
        seats.push((seat, memory.judge(moment).worker_half(&seat.view)));
    }
    let mut tuples = Vec::new();
    if seats.is_empty() {
        return Compared::default();
    }
    for (id, pending) in &world.requests {
        let half = memory.judge(moment).request_half(&pending.candidate.view);
        for (seat, by_worker) in &seats {
            let sides = ((pending.as_ref(), &half), (*seat, by_worker));
            if let Ok(rank) = rank(world, memory, moment, sides) {
                let worker = Reverse(seat.view.name.as_str());
                tuples.push(Tuple { rank, request: Reverse(*id), worker });
            }
        }
    }
    drop_mixed(tuples, memory, moment)
}

type Sides<'a> = ((&'a Pending, &'a Half), (&'a Seat, &'a Half));

pub(super) fn rank(
    world: &World,
    memory: &mut Memory,
    moment: &Moment<'_>,
    ((pending, by_request), (seat, by_worker)): Sides<'_>,
) -> Result<Vec<Ranked>, Why> {
    memory.eligible(world, pending, seat)?;
    judged(memory, moment, ((pending, by_request), (seat, by_worker)))
}

/// What the policy says of a tuple that could run.
fn judged(
    memory: &mut Memory,
    moment: &Moment<'_>,
    ((pending, by_request), (seat, by_worker)): Sides<'_>,
) -> Result<Vec<Ranked>, Why> {
    let request = &pending.candidate.view;
    let mut judge = memory.judge(moment);
    judge.allow(request, &seat.view)?;
    judge.rank((request, by_request), (&seat.view, by_worker))
}

/// Why the policy (or something lasting) keeps a request from a worker, if it does.
pub(super) fn refused(
    world: &World,
    memory: &mut Memory,
    moment: &Moment<'_>,
    (pending, seat): (&Pending, &Seat),
) -> Option<Why> {
    // Not remembered: there are as many answers as requests times workers.
    let (recipe, name) = (&pending.candidate.recipe, &seat.view.name);
    if let Err(why) = eligible(recipe, name, &seat.view.labels, &world.locks) {
        return Some(why);
    }
    let by_request = memory.judge(moment).request_half(&pending.candidate.view);
    let by_worker = memory.judge(moment).worker_half(&seat.view);
    judged(memory, moment, ((pending, &by_request), (seat, &by_worker))).err()
}

/// The tuple of the lowest request id and worker name says what types the terms have in this pass;
/// tuples of other types are faults of theirs.
fn drop_mixed<'a>(
    tuples: Vec<Tuple<'a>>,
    memory: &mut Memory,
    moment: &Moment<'_>,
) -> Compared<'a> {
    let mut compared = Compared::default();
    let shapes =
        |tuple: &Tuple<'_>| -> Vec<_> { tuple.rank.iter().map(|r| shape(r.value())).collect() };
    // Tuples come in the order of request ids and worker names: the first is the lowest.
    let Some(expected) = tuples.first().map(shapes) else { return compared };
    let mut seen: BTreeMap<Vec<Vec<&'static str>>, Option<usize>> = BTreeMap::new();
    for tuple in tuples {
        let found = shapes(&tuple);
        let differs = *seen
            .entry(found.clone())
            .or_insert_with(|| found.iter().zip(&expected).position(|(a, b)| a != b));
        let Some(place) = differs else {
            compared.tuples.push(tuple);
            continue;
        };
        let why = Why::PolicyFault {
            function: moment.policy.order()[place].label.clone(),
            message: mixed(&expected[place], &found[place]),
        };
        if let Why::PolicyFault { function, message } = &why {
            let (function, message) = (function.clone(), message.clone());
            let (request, worker) = (tuple.request(), tuple.worker().to_owned());
            let seen = String::new();
            memory.report_once(FaultReport { function, message, seen, request, worker });
        }
        compared.mixed.push((tuple.request(), tuple.worker(), why));
    }
    compared
}

fn mixed(expected: &[&str], found: &[&str]) -> String {
    let name = |shape: &[&str]| match shape {
        [one] => (*one).to_owned(),
        many => format!("({})", many.join(", ")),
    };
    format!(
        "its values must all have one type: it is {} for one tuple and {} for another",
        name(expected),
        name(found)
    )
}
