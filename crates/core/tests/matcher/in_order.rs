//! Brute force where steps wait: all that want to go in one line, every lock summed up anew for
//! each. Shares no code with the matcher.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use steading_core::words::HeldLock;

use super::oracle::{Key, above, key, pairs, types, units};
use super::world::{Run, Waits, World, view};
use super::written::Written;

/// What goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    Build(i64, String),
    Step(i64),
}

/// A tuple that only locks could keep from running, or a step that waits for locks it could get.
#[derive(Debug, Clone)]
pub(crate) struct One {
    pub(crate) request: i64,
    pub(crate) worker: String,
    pub(crate) step: Option<i64>,
    /// None for a step whose terms fail, or say something of another type than those of tuples.
    key: Option<Key>,
    /// By pool.
    pub(crate) wants: BTreeMap<String, i64>,
}

/// What one keeps back from those behind it.
#[derive(Debug, Clone)]
struct Kept {
    request: i64,
    pool: String,
    units: i64,
    /// From requests only.
    not_from_steps: bool,
    /// By one that waits only for what runs.
    sure: bool,
}

/// All in line, the first first.
pub(crate) fn line(world: &World, policy: &Written) -> Vec<One> {
    let mut line = Vec::new();
    let mut said = None;
    for pair in pairs(world, policy) {
        let builder = &world.requests[&pair.request].builder;
        let locks = &world.farm.builders[builder].locks;
        let mut wants = wants(world, &pair.worker, locks);
        wants.insert(limit(builder), 1);
        said = Some(types(&pair.key));
        let (request, worker) = (pair.request, pair.worker);
        line.push(One { request, worker, step: None, key: Some(pair.key), wants });
    }
    let mut steps: Vec<One> =
        world.waiting.iter().filter_map(|it| step(world, policy, it)).collect();
    steps.sort_by_key(|one| (one.request, one.worker.clone(), one.step));
    let said = said.or_else(|| steps.iter().find_map(|one| one.key.as_ref().map(types)));
    for mut one in steps {
        one.key = one.key.filter(|key| Some(types(key)) == said);
        line.push(one);
    }
    line.sort_by(|a, b| {
        let by_key = match (&a.key, &b.key) {
            (Some(a), Some(b)) => above(policy, a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let (of_a, of_b) = ((a.request, &a.worker, a.step), (b.request, &b.worker, b.step));
        by_key.then(of_a.cmp(&of_b))
    });
    line
}

/// None where nobody is there, and for one that wants more than there is.
fn step(world: &World, policy: &Written, (id, waits): (&i64, &Waits)) -> Option<One> {
    let Waits { request, of, worker, locks } = waits;
    let there = world.workers.get(worker).is_some_and(|work| work.open || work.draining);
    if !there || !possible(world, waits) {
        return None;
    }
    let key = key(world, policy, of, (&view(*request, of), &world.worker_view(worker)));
    let (request, worker, wants) = (*request, worker.clone(), wants(world, worker, locks));
    Some(One { request, worker, step: Some(*id), key, wants })
}

/// Whether there is as much as the step wants.
pub(crate) fn possible(world: &World, waits: &Waits) -> bool {
    waits.locks.iter().all(|want| {
        let capacity = world.farm.locks[&want.lock].units(&waits.worker);
        units(want.access, capacity).max(1) <= capacity
    })
}

fn wants(world: &World, worker: &str, locks: &[HeldLock]) -> BTreeMap<String, i64> {
    let mut wants = BTreeMap::new();
    for want in locks {
        let capacity = world.farm.locks[&want.lock].units(worker);
        *wants.entry(pool(world, &want.lock, worker)).or_default() += units(want.access, capacity);
    }
    wants
}

fn pool(world: &World, lock: &str, worker: &str) -> String {
    if world.farm.locks[lock].per_worker { format!("{lock} of {worker}") } else { lock.to_owned() }
}

/// What stands for how many builds of a builder may run.
fn limit(builder: &str) -> String {
    format!("builds of {builder}")
}

pub(crate) fn capacity(world: &World, pool: &str) -> i64 {
    if let Some(builder) = pool.strip_prefix("builds of ") {
        return world.farm.builders[builder].max_builds.unwrap_or(i64::MAX);
    }
    match pool.split_once(" of ") {
        Some((lock, worker)) => world.farm.locks[lock].units(worker),
        None => world.farm.locks[pool].units("any"),
    }
}

/// What a run holds of a pool.
pub(crate) fn holds(world: &World, run: &Run, pool: &str) -> i64 {
    let mut all = wants(world, &run.worker, &run.locks);
    if let Some(builder) = &run.runs {
        all.insert(limit(builder), 1);
    }
    all.get(pool).copied().unwrap_or(0)
}

/// What waiting steps want of a pool.
pub(crate) fn units_of_waiting(world: &World, pool: &str) -> i64 {
    let all = world.waiting.values().map(|waits| wants(world, &waits.worker, &waits.locks));
    all.filter_map(|wants| wants.get(pool).copied()).sum()
}

/// Whether its build goes on by itself: no step of it waits.
fn goes_on(world: &World, run: &Run) -> bool {
    run.request == 0 || world.waiting.values().all(|waits| waits.request != run.request)
}

/// Those who hold something of a pool all go on by themselves.
pub(crate) fn is_sure(world: &World, pool: &str) -> bool {
    world.runs.iter().all(|run| holds(world, run, pool) == 0 || goes_on(world, run))
}

/// Whether the other could not have what it wants beside what is held and this one wants.
pub(crate) fn leaves_too_little(world: &World, one: &One, other: &One) -> bool {
    other.wants.iter().any(|(pool, units)| {
        let held: i64 = world.runs.iter().map(|run| holds(world, run, pool)).sum();
        let taken = one.wants.get(pool).copied().unwrap_or(0);
        taken > 0 && held + taken + units > capacity(world, pool)
    })
}

/// The pools in the way of one beside what is held and kept.
fn blocked<'a>(
    world: &World,
    one: &One,
    kept: impl Iterator<Item = &'a Kept> + Clone,
) -> Vec<String> {
    let full = |(pool, units): &(&String, &i64)| {
        let held: i64 = world.runs.iter().map(|run| holds(world, run, pool)).sum();
        let mut by: BTreeMap<i64, i64> = BTreeMap::new();
        for kept in kept.clone().filter(|it| it.pool == **pool && it.request != one.request) {
            by.insert(kept.request, kept.units);
        }
        held + by.values().sum::<i64>() + **units > capacity(world, pool)
    };
    one.wants.iter().filter(full).map(|(pool, _)| pool.clone()).collect()
}

/// The first of the line that may go.
pub(crate) fn next(world: &World, policy: &Written) -> Option<Next> {
    let mut kept: Vec<Kept> = Vec::new();
    for one in line(world, policy) {
        let by_all = blocked(world, &one, kept.iter());
        let by_some = blocked(world, &one, kept.iter().filter(|it| !it.not_from_steps));
        match one.step {
            None if by_all.is_empty() => return Some(Next::Build(one.request, one.worker)),
            Some(step) if by_some.is_empty() => return Some(Next::Step(step)),
            _ => {}
        }
        let sure = by_all.iter().all(|pool| {
            let others = kept.iter().filter(|it| it.pool == *pool && it.request != one.request);
            let sure = |it: &Kept| {
                kept.iter().any(|by| by.request == it.request && by.pool == *pool && by.sure)
            };
            is_sure(world, pool) && others.clone().all(sure)
        });
        for (pool, units) in &one.wants {
            let waits_for_it_alone = by_all.len() == 1 && by_all == by_some && by_all[0] == *pool;
            kept.push(Kept {
                request: one.request,
                pool: pool.clone(),
                units: *units,
                not_from_steps: !sure && !waits_for_it_alone,
                sure,
            });
        }
    }
    None
}
