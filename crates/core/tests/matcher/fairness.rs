//! What the reservation rule promises, and what remembering answers saves.

use steading_core::farm::{Direction, LockCapacity};
use steading_core::words::{HeldLock, Micros};

use crate::policy::{Allow, Kind, TestPolicy};
use crate::world::{World, counting, exclusive};

/// A stream of small requests and one large waiter, oldest first: how many builds end before the
/// waiter starts.
fn ends_before_the_large_one(per_worker: bool, large: HeldLock, units: i64) -> usize {
    let policy = TestPolicy::new(Allow::All, vec![(Kind::Submitted, Direction::Lowest)]);
    let mut world = World::default();
    world.lock("gpu", per_worker, LockCapacity::Units(units));
    world.builder("small", &[], &[], vec![counting("gpu", 1)]);
    world.builder("large", &[], &[], vec![large]);
    for name in ["a", "b", "c"] {
        world.worker(name, 4, &[]);
    }
    let fill = |world: &mut World| {
        let mut matcher = world.matcher();
        let mut large = false;
        while let Some(found) = matcher.next(&policy, Micros(0)) {
            large |= world.requests[&found.request.0].builder == "large";
            matcher.take(&found);
            world.start(found.request.0, &found.worker);
            world.assert_sound();
        }
        large
    };
    for _ in 0..20 {
        world.request("small", 0);
    }
    fill(&mut world);
    world.request("large", 0);
    for ended in 0..200 {
        if fill(&mut world) {
            return ended;
        }
        // One build ends, and as soon as it does another small request is there.
        world.runs.remove(0);
        world.request("small", 0);
    }
    panic!("the large request starved");
}

#[test]
fn a_large_waiter_is_not_starved_by_small_ones() {
    let check = |per_worker, large, units, at_most: usize| {
        let ended = ends_before_the_large_one(per_worker, large, units);
        assert!(ended <= at_most, "{ended} builds ended before it started");
    };
    // The small ones that came before it, and then those that hold the lock.
    check(false, exclusive("gpu"), 3, 20);
    check(false, counting("gpu", 3), 3, 20);
    check(true, exclusive("gpu"), 3, 20);
    check(true, counting("gpu", 2), 3, 20);
}

#[test]
fn policy_functions_are_asked_per_class_not_per_pair() {
    let terms = vec![
        (Kind::IsMain, Direction::Highest),
        (Kind::Priority, Direction::Highest),
        (Kind::Pair, Direction::Highest),
        (Kind::Fast, Direction::Highest),
    ];
    let policy = TestPolicy::new(Allow::NoReleaseOnSpot, terms);
    let mut world = World::default();
    world.builder("b", &[], &[], Vec::new());
    for w in 0..50 {
        let labels: &[_] = if w % 3 == 0 { &[("spot", "yes")] } else { &[("fast", "yes")] };
        world.worker(&format!("w{w:02}"), 1, labels);
    }
    for r in 0..200 {
        world.request("b", r % 3);
    }
    let mut matcher = world.matcher();
    assert!(matcher.next(&policy, Micros(0)).is_some());
    let first = matcher.evaluations();
    assert!(first < 30, "{first} evaluations for 200 × 50 pairs that make few classes");
    while let Some(found) = matcher.next(&policy, Micros(0)) {
        matcher.take(&found);
    }
    assert_eq!(matcher.evaluations(), first, "nothing new was there to ask");
}

#[test]
fn a_fault_is_reported_once_per_class_and_stops_nobody_else() {
    let policy = TestPolicy::new(Allow::All, vec![(Kind::Fails, Direction::Highest)]);
    let mut world = World::default();
    world.builder("b", &[], &[], Vec::new());
    world.worker("fast1", 1, &[("fast", "yes")]);
    world.worker("fast2", 1, &[("fast", "yes")]);
    world.worker("slow", 1, &[]);
    for branch in ["bad", "bad", "main"] {
        let id = world.request("b", 0);
        world.requests.get_mut(&id).expect("added").branch = branch.into();
    }
    let mut matcher = world.matcher();
    let mut matched = Vec::new();
    while let Some(found) = matcher.next(&policy, Micros(0)) {
        matched.push((found.request.0, found.worker.clone()));
        matcher.take(&found);
    }
    assert_eq!(matched, [(1, "slow".to_owned()), (3, "fast1".to_owned())]);
    let faults: Vec<String> =
        matcher.take_faults().iter().map(|f| format!("{}: {}", f.function, f.message)).collect();
    assert_eq!(faults, ["Fails: bad on fast"]);
    assert!(matcher.take_faults().is_empty());
}

#[test]
fn terms_of_mixed_types_are_faults_of_the_odd_tuples() {
    let policy = TestPolicy::new(Allow::All, vec![(Kind::Mixed, Direction::Highest)]);
    let mut world = World::default();
    world.builder("b", &[], &[], Vec::new());
    world.worker("w", 3, &[]);
    for priority in [1, 2, 0] {
        world.request("b", priority);
    }
    let mut matcher = world.matcher();
    let first = matcher.next(&policy, Micros(0)).expect("1 goes first");
    assert_eq!(first.request.0, 1);
    let fault = matcher.take_faults().remove(0);
    let message = "its values must all have one type: it is int for one tuple and string for \
                   another";
    assert_eq!((fault.request.0, fault.message.as_str()), (2, message));
}
