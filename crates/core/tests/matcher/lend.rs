//! Brute force of backfill: every pair, and for each who is ahead of it and when that one could
//! start at the earliest. Shares no code with the matcher.

use std::collections::BTreeMap;

use steading_core::farm::Direction;

use crate::in_order::{Next, One, capacity, holds, line, units_of_waiting};
use crate::world::World;
use crate::written::{Means, Written};

/// The first pair, best first, whose locks fit beside what is held, what steps wait for, and what
/// those ahead of it want who could start before it is over.
pub(crate) fn lent(world: &World, policy: &Written) -> Option<Next> {
    if !policy.policy.backfills() {
        return None;
    }
    let line: Vec<One> = line(world, policy).into_iter().filter(|one| one.step.is_none()).collect();
    for (place, one) in line.iter().enumerate() {
        let builder = &world.requests[&one.request].builder;
        let Some((_, whole)) = world.paces.get(builder) else { continue };
        let over = world.now + whole * 1_000;
        let ahead = |pool: &str| {
            let others = line[..place].iter().filter(|other| other.request != one.request);
            let mut by: BTreeMap<i64, i64> = BTreeMap::new();
            for other in others {
                let start = start(world, policy, other, pool);
                if let Some(units) = other.wants.get(pool)
                    && start.is_none_or(|start| start < over)
                {
                    by.insert(other.request, *units);
                }
            }
            by.values().sum::<i64>()
        };
        let fits = |(pool, units): (&String, &i64)| {
            let held: i64 = world.runs.iter().map(|run| holds(world, run, pool)).sum();
            held + units_of_waiting(world, pool) + ahead(pool) + units <= capacity(world, pool)
        };
        if one.wants.iter().all(fits) {
            return Some(Next::Build(one.request, one.worker.clone()));
        }
    }
    None
}

/// When it could have the locks of the farm it wants, and those of its worker if that is what is
/// asked of; none: any moment.
fn start(world: &World, policy: &Written, one: &One, pool: &str) -> Option<i64> {
    let overdue_first = policy.terms.first() == Some(&(Means::Overdue, Direction::Lowest));
    if overdue_first && world.requests[&one.request].start_by.is_some_and(|at| at <= world.now) {
        return None;
    }
    let of_worker = |pool: &str| pool.contains(" of ") && !pool.starts_with("builds of ");
    let mut start = world.now;
    for (wanted, units) in &one.wants {
        if !of_worker(wanted) || of_worker(pool) {
            start = start.max(free_at(world, wanted, *units));
        }
    }
    (start > world.now).then_some(start)
}

/// The first moment at which enough of those who hold something of a pool are gone.
fn free_at(world: &World, pool: &str, units: i64) -> i64 {
    let gone = |ends: Option<i64>| ends.unwrap_or(world.now).max(world.now);
    let mut moments: Vec<i64> = world.runs.iter().map(|run| gone(run.ends)).collect();
    moments.push(world.now);
    moments.sort_unstable();
    let free = |at: &i64| {
        let left = world.runs.iter().filter(|run| gone(run.ends) > *at);
        left.map(|run| holds(world, run, pool)).sum::<i64>() + units <= capacity(world, pool)
    };
    moments.into_iter().find(free).expect("it fits where nobody holds anything")
}
