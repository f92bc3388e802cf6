//! From what history knows to the world that is replayed.

use std::collections::BTreeMap;

use steading_core::farm::{Builder, Farm};
use steading_core::matcher::{Pace, Recipe};
use steading_core::replay::{Arrival, Length, Running, World};
use steading_core::words::{ConfigId, Micros};
use steading_store::{Past, PastBuild, PastRequest};

/// The demand of the past on the farm of today, and how many durations of builds are learned.
///
/// A builder is the one the farm in force declares: its workers have the labels of today, too.
/// Where it is gone, it is the one its request began with, and so are its locks.
pub(super) fn world(
    (past, paces): (Past, BTreeMap<String, Pace>),
    present: &Farm,
    older: &BTreeMap<ConfigId, Farm>,
) -> (World, usize) {
    let Past { since, until, requests, workers, learned } = past;
    let mut farm = Farm { workers: present.workers.clone(), ..Farm::default() };
    for (name, lock) in older.values().rev().flat_map(|farm| &farm.locks).chain(&present.locks) {
        farm.locks.insert(name.clone(), lock.clone());
    }
    let (mut arrivals, mut running, mut guesses) = (Vec::new(), Vec::new(), 0);
    for request in requests {
        let recorded = request.build.as_ref().and_then(|build| build.length);
        let usual = learned.get(request.view.builder.as_str()).copied().unwrap_or_default();
        let length = recorded.unwrap_or_else(|| guess(&request, usual, until));
        guesses += usize::from(recorded.is_none());
        match &request.build {
            Some(build) if build.started_at < since => running.push(ran(&request, build, length)),
            _ => {
                let older = older.get(&request.configuration_id);
                let farms = [Some(present), older].into_iter().flatten();
                let builder = farms
                    .filter_map(|farm| farm.builders.get(request.view.builder.as_str()))
                    .next();
                arrivals.push(arrival(request, builder, length));
            }
        }
    }
    (World { since, until, farm, arrivals, running, workers, paces }, guesses)
}

/// What builds of its builder usually take; a build that runs has taken what it has, already.
fn guess(request: &PastRequest, usual: Length, until: Micros) -> Length {
    let elapsed = request.build.as_ref().map(|build| until.since(build.started_at));
    let elapsed = elapsed.unwrap_or_default();
    Length { locks: usual.locks.max(elapsed), slot: usual.slot.max(elapsed) }
}

fn ran(request: &PastRequest, build: &PastBuild, length: Length) -> Running {
    Running {
        request: request.view.id,
        builder: request.view.builder.to_string(),
        worker: build.worker.clone(),
        locks: build.locks.clone(),
        started_at: build.started_at,
        locks_free_at: build.started_at.plus(length.locks),
        ends_at: build.started_at.plus(length.slot),
    }
}

fn arrival(request: PastRequest, builder: Option<&Builder>, length: Length) -> Arrival {
    let recipe = match builder {
        Some(builder) => Recipe::of(builder, request.pinned.as_deref()),
        None => Recipe { pinned: request.pinned.clone(), ..Recipe::default() },
    };
    let PastRequest { at, view, priorities, withdrawn_at, .. } = request;
    Arrival { at, view, recipe: recipe.into(), length, priorities, withdrawn_at }
}
