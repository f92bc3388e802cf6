//! Brute force: every pair is looked at, every lock summed up anew. Shares no code with the
//! matcher.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use steading_core::farm::{Direction, RequestView, WorkerView};
use steading_core::words::{Access, HeldLock, Value};

use super::world::{Req, Work, World};
use super::written::{Means, Written};

/// What the terms say, one after the other.
pub(crate) type Key = Vec<Vec<Value>>;

/// A tuple that only locks could keep from running.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) request: i64,
    pub(crate) worker: String,
    pub(crate) key: Key,
}

/// Whether the worker could run the request if nothing else existed.
pub(crate) fn could(world: &World, req: &Req, name: &str, work: &Work) -> bool {
    let builder = &world.farm.builders[&req.builder];
    let pin = req.pinned.as_deref().is_none_or(|p| p == name);
    let named = builder.workers.is_empty() || builder.workers.iter().any(|glob| names(glob, name));
    let labels = builder.requires.iter().all(|(l, v)| work.labels.get(l) == Some(v));
    let large = builder.locks.iter().all(|held| {
        let capacity = world.farm.locks[&held.lock].units(name);
        units(held.access, capacity).max(1) <= capacity
    });
    pin && named && labels && large
}

/// The globs that random worlds use.
fn names(glob: &str, name: &str) -> bool {
    match glob {
        "w[012]" => ["w0", "w1", "w2"].contains(&name),
        plain => plain == name,
    }
}

/// Exclusive means all there are.
pub(crate) fn units(access: Access, capacity: i64) -> i64 {
    match access {
        Access::Counting(n) => n,
        Access::Exclusive => capacity,
    }
}

/// All pairs that only locks could keep from running, best first.
pub(crate) fn pairs(world: &World, policy: &Written) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (id, req) in &world.requests {
        for (name, work) in &world.workers {
            let below = world.most(name).is_none_or(|most| world.running_on(name) < most);
            let free = work.open && world.busy(name) < work.slots && below;
            if !free || !could(world, req, name, work) {
                continue;
            }
            let (r, w) = (world.request_view(*id), world.worker_view(name));
            if !policy.allows(&r, &w) {
                continue;
            }
            if let Some(key) = key(world, policy, req, (&r, &w)) {
                pairs.push(Pair { request: *id, worker: name.clone(), key });
            }
        }
    }
    if let Some(first) = pairs.first().cloned() {
        pairs.retain(|pair| types(&pair.key) == types(&first.key));
    }
    pairs.sort_by(|a, b| better(policy, a, b));
    pairs
}

/// What the terms say; none if one of them fails.
pub(crate) fn key(
    world: &World,
    policy: &Written,
    req: &Req,
    (r, w): (&RequestView, &WorkerView),
) -> Option<Key> {
    let term = |(means, _): &(Means, Direction)| match *means {
        Means::Function(function, sides) => policy.call(function, sides, (r, w)),
        Means::Priority => Ok(vec![Value::Int(req.priority)]),
        Means::Submitted => Ok(vec![Value::Int(req.submitted)]),
        Means::Overdue => Ok(vec![Value::Int(overdue(world, req))]),
        Means::Aging(ms) => Ok(vec![Value::Int(age(world, req) / ms)]),
        fair => Ok(vec![Value::Int(running(world, req, fair))]),
    };
    policy.terms.iter().map(term).collect::<Result<Vec<_>, _>>().ok()
}

fn overdue(world: &World, req: &Req) -> i64 {
    match req.start_by {
        Some(at) if at <= world.now => at,
        _ => i64::MAX,
    }
}

/// Whole milliseconds waited.
fn age(world: &World, req: &Req) -> i64 {
    (world.now - req.submitted).max(0) / 1_000
}

/// Builds with a slot that are of the request's group.
fn running(world: &World, req: &Req, fair: Means) -> i64 {
    let same = |other: &Req| match fair {
        Means::FairBuilder => other.builder == req.builder,
        Means::FairBranch => other.branch == req.branch,
        Means::FairOwner => other.owner() == req.owner(),
        Means::FairSize => other.size == req.size,
        _ => other.repository() == req.repository(),
    };
    let of = world.runs.iter().filter(|run| run.slot).filter_map(|run| run.of.as_ref());
    i64::try_from(of.filter(|other| same(other)).count()).expect("few")
}

pub(crate) fn types(key: &Key) -> Vec<Vec<std::mem::Discriminant<Value>>> {
    key.iter().map(|v| v.iter().map(std::mem::discriminant).collect()).collect()
}

fn better(policy: &Written, a: &Pair, b: &Pair) -> Ordering {
    above(policy, &a.key, &b.key).then_with(|| (a.request, &a.worker).cmp(&(b.request, &b.worker)))
}

/// `Less` if the first goes before the second.
pub(crate) fn above(policy: &Written, a: &Key, b: &Key) -> Ordering {
    for (place, (_, direction)) in policy.terms.iter().enumerate() {
        let ordering = match direction {
            Direction::Highest => b[place].cmp(&a[place]),
            Direction::Lowest => a[place].cmp(&b[place]),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

/// The first pair, best first, whose locks fit beside what is held and what the requests of the
/// pairs before it want.
pub(crate) fn best(world: &World, policy: &Written) -> Option<Pair> {
    let pairs = pairs(world, policy);
    let found = (0..pairs.len()).find(|i| grantable(world, &pairs[..*i], &pairs[*i]))?;
    Some(pairs[found].clone())
}

/// Fewer builds of its builder than it may run are running, or ahead of it.
fn below_limit(world: &World, before: &[Pair], pair: &Pair) -> bool {
    let name = &world.requests[&pair.request].builder;
    let Some(most) = world.farm.builders[name].max_builds else { return true };
    let of_builder = |ahead: &&Pair| world.requests[&ahead.request].builder == *name;
    let ahead = before.iter().filter(of_builder).map(|ahead| ahead.request);
    let ahead: BTreeSet<i64> = ahead.filter(|ahead| *ahead != pair.request).collect();
    world.running(name) + i64::try_from(ahead.len()).expect("few") < most
}

fn grantable(world: &World, before: &[Pair], pair: &Pair) -> bool {
    below_limit(world, before, pair) && blocked(world, before, pair).is_empty()
}

/// The locks in its way, those of `before` being ahead of it.
fn blocked(world: &World, before: &[Pair], pair: &Pair) -> Vec<String> {
    let wanted = &world.farm.builders[&world.requests[&pair.request].builder].locks;
    let fits = |want: &&HeldLock| {
        let lock = &world.farm.locks[&want.lock];
        let capacity = lock.units(&pair.worker);
        let here = |worker: &str| !lock.per_worker || worker == pair.worker;
        let mut taken = 0;
        for run in world.runs.iter().filter(|run| here(&run.worker)) {
            for held in run.locks.iter().filter(|held| held.lock == lock.name) {
                taken += units(held.access, capacity);
            }
        }
        let mut waiters: Vec<i64> = before
            .iter()
            .filter(|ahead| ahead.request != pair.request && here(&ahead.worker))
            .map(|ahead| ahead.request)
            .collect();
        waiters.sort_unstable();
        waiters.dedup();
        for waiter in waiters {
            let locks = &world.farm.builders[&world.requests[&waiter].builder].locks;
            for held in locks.iter().filter(|held| held.lock == lock.name) {
                taken += units(held.access, capacity);
            }
        }
        taken + units(want.access, capacity) <= capacity
    };
    let blocked: BTreeSet<&String> =
        wanted.iter().filter(|want| !fits(want)).map(|want| &want.lock).collect();
    blocked.into_iter().cloned().collect()
}

/// By worker, the locks in the way of a request there, where only locks are.
pub(crate) fn locks_in_the_way(
    world: &World,
    policy: &Written,
    request: i64,
) -> BTreeMap<String, Vec<String>> {
    let pairs = pairs(world, policy);
    let its = (0..pairs.len()).filter(|at| pairs[*at].request == request);
    its.map(|at| (pairs[at].worker.clone(), blocked(world, &pairs[..at], &pairs[at]))).collect()
}
