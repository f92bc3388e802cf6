//! Explanations as people read them.

use steading_core::farm::{Direction, LockCapacity, WorkerSpec};
use steading_core::matcher::NotNow;
use steading_core::words::{Micros, RequestId};

use crate::policy::{Allow, Kind, TestPolicy};
use crate::world::{Run, World, counting, exclusive};

/// Two Linux workers and a Mac, a builder for each case.
fn farm() -> World {
    let mut world = World::default();
    world.lock("gpu", false, LockCapacity::Units(2));
    world.builder("any", &[], &[], Vec::new());
    world.builder("mac", &[("os", "mac")], &[], Vec::new());
    world.builder("bsd", &[("os", "bsd")], &[], Vec::new());
    world.builder("gpu", &[("os", "linux")], &[], vec![counting("gpu", 1)]);
    world.builder("all-gpu", &[("os", "linux")], &[], vec![exclusive("gpu")]);
    world.builder("huge", &[], &[], vec![counting("gpu", 3)]);
    world.builder("spare", &[], &["spare-*"], Vec::new());
    world.worker("linux-1", 2, &[("os", "linux")]);
    world.worker("linux-2", 2, &[("os", "linux")]);
    world.worker("mac-1", 1, &[("os", "mac")]);
    world
}

fn run(world: &mut World, worker: &str, builder: &str) {
    let locks = world.farm.builders[builder].locks.clone();
    let runs = Some(builder.to_owned());
    let worker = worker.into();
    world.runs.push(Run { request: 0, worker, slot: true, locks, runs, of: None, ends: None });
}

fn check(world: &World, request: i64, verdict: &str, text: &str) {
    let policy =
        TestPolicy::new(Allow::NoReleaseOnSpot, vec![(Kind::Priority, Direction::Highest)]);
    let told = world.matcher().explain(RequestId(request), &policy, Micros(0)).expect("pending");
    assert_eq!((told.verdict.code(), told.text.as_str()), (verdict, text));
    assert!(!told.remedies.is_empty() || verdict == "next", "{:?}", told.workers);
}

#[test]
fn what_is_about_to_start_says_so() {
    let mut world = farm();
    let (first, second) = (world.request("any", 1), world.request("any", 0));
    check(&world, first, "next", "It is number 1 of 2 in the queue and goes to `linux-1` next.");
    let text = "It is number 2 of 2 in the queue and goes to `linux-1` after one other.";
    check(&world, second, "next", text);
}

#[test]
fn a_full_or_absent_worker_is_named() {
    let mut world = farm();
    run(&mut world, "mac-1", "mac");
    let id = world.request("mac", 0);
    let text = "It is number 1 of 1 in the queue and waits for a free slot: `mac-1` is busy.";
    check(&world, id, "waits_for_slot", text);
    world.workers.get_mut("mac-1").expect("known").open = false;
    let text = "It is number 1 of 1 in the queue and waits for a worker: `mac-1` is offline.";
    check(&world, id, "waits_for_worker", text);
}

#[test]
fn a_paused_worker_names_who_and_why() {
    let mut world = farm();
    let id = world.request("mac", 0);
    let mut matcher = world.matcher();
    let paused = NotNow::Paused { by: "ann".into(), why: "new disk".into() };
    matcher.set_worker(world.worker_view("mac-1"), Err(paused));
    let policy = TestPolicy::new(Allow::All, Vec::new());
    let told = matcher.explain(RequestId(id), &policy, Micros(0)).expect("pending");
    let text = "It is number 1 of 1 in the queue and waits for a worker: `mac-1`: paused by ann: \
                new disk.";
    assert_eq!(told.text, text);
    assert_eq!(told.remedies, ["resuming the worker"]);
    let groups: Vec<(&str, usize)> =
        told.workers.iter().map(|g| (g.why.code(), g.workers.len())).collect();
    assert_eq!(groups, [("label_differs", 2), ("paused", 1)]);
}

#[test]
fn a_lock_names_its_holders_and_who_is_ahead() {
    let mut world = farm();
    run(&mut world, "linux-1", "gpu");
    let large = world.request("all-gpu", 1);
    let small = world.request("gpu", 0);
    check(
        &world,
        large,
        "waits_for_locks",
        "It is number 1 of 2 in the queue and waits for lock `gpu` (exclusively), held by build/1.",
    );
    check(
        &world,
        small,
        "waits_for_locks",
        "It is number 2 of 2 in the queue and waits for lock `gpu` (1 of 2), held by build/1, kept \
         back for request 1 (all), ahead of it.",
    );
}

#[test]
fn what_can_never_run_says_so_and_why() {
    let mut world = farm();
    let (bsd, huge) = (world.request("bsd", 0), world.request("huge", 0));
    check(
        &world,
        bsd,
        "never",
        "It is number 1 of 2 in the queue and no worker of this farm can ever run it: `linux-1`, \
         `linux-2`: label `os` is `linux`, `bsd` is required; `mac-1`: label `os` is `mac`, `bsd` \
         is required.",
    );
    check(
        &world,
        huge,
        "never",
        "It is number 2 of 2 in the queue and no worker of this farm can ever run it: `linux-1`, \
         `linux-2`, `mac-1`: lock `gpu` has 2 units there, 3 are wanted.",
    );
}

#[test]
fn a_declared_worker_may_yet_come() {
    let mut world = farm();
    let id = world.request("spare", 0);
    let spare = |name: &str, pattern| WorkerSpec {
        name: name.into(),
        pattern,
        slots: 1,
        labels: Default::default(),
        ..WorkerSpec::default()
    };
    let text =
        "It is number 1 of 1 in the queue and waits for a worker that has not connected yet.";
    world.farm.workers = vec![spare("spare-*", true)];
    check(&world, id, "waits_for_worker", text);
    world.farm.workers = vec![spare("spare-7", false)];
    check(&world, id, "waits_for_worker", text);
    world.farm.workers = vec![spare("other", false)];
    let told = world
        .matcher()
        .explain(RequestId(id), &TestPolicy::new(Allow::All, Vec::new()), Micros(0))
        .expect("pending");
    assert_eq!(told.verdict.code(), "never");
}

#[test]
fn the_policys_no_is_not_a_lack_of_workers() {
    let mut world = farm();
    world.builder("spot", &[("spot", "yes")], &[], Vec::new());
    world.worker("cloud", 1, &[("spot", "yes")]);
    let id = world.request("spot", 0);
    world.requests.get_mut(&id).expect("added").branch = "release".into();
    check(
        &world,
        id,
        "refused_by_policy",
        "It is number 1 of 1 in the queue and the policy keeps it from running: `cloud`: the \
         policy's `allow` says no.",
    );
}

#[test]
fn max_builds_are_told_in_their_own_words() {
    let mut world = farm();
    world.farm.builders.get_mut("any").expect("declared").max_builds = Some(2);
    run(&mut world, "linux-1", "any");
    run(&mut world, "linux-2", "any");
    let id = world.request("any", 0);
    let text = "It is number 1 of 1 in the queue and waits for builder `any`, which runs its 2 builds \
                at most, now build/1, build/2.";
    check(&world, id, "waits_for_locks", text);
    let mut world = farm();
    world.limit("mac-1", Some(1));
    world.workers.get_mut("mac-1").expect("known").slots = 2;
    run(&mut world, "mac-1", "mac");
    let id = world.request("mac", 0);
    let text = "It is number 1 of 1 in the queue and waits for a free slot: `mac-1` runs its one \
                build at most.";
    check(&world, id, "waits_for_slot", text);
}
