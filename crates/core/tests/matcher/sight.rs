//! First sight: what is new is looked at in slices, and holds up nobody.

use steading_core::farm::{Direction, LockCapacity};
use steading_core::matcher::Matcher;
use steading_core::words::{Micros, RequestId};

use crate::policy::{Allow, Kind, TestPolicy};
use crate::world::{World, counting};

/// Calls in a turn.
const SLICE: u64 = 5;
/// Request classes that come at once: one per branch.
const BRANCHES: u64 = 60;
/// Workers with the label that the pair term reads, and workers without.
const WORKER_CLASSES: u64 = 2;

/// A farm of two kinds of workers that knows one kind of request.
fn known(policy: &TestPolicy) -> (World, Matcher) {
    let mut world = World::default();
    world.builder("b", &[], &[], Vec::new());
    for w in 0..10 {
        let labels: &[_] = if w % 2 == 0 { &[("fast", "yes")] } else { &[] };
        world.worker(&format!("w{w}"), 1, labels);
    }
    world.request("b", 0);
    let mut matcher = world.matcher();
    assert!(matcher.next(policy, Micros(0)).is_some());
    assert!(!matcher.is_looking(), "unless it is told otherwise it sees all before it decides");
    (world, matcher)
}

#[test]
fn a_slice_bounds_the_calls_and_others_are_matched_meanwhile() {
    let policy = TestPolicy::new(Allow::All, vec![(Kind::Pair, Direction::Highest)]);
    let (mut world, mut matcher) = known(&policy);
    let (before, mut new) = (matcher.evaluations(), Vec::new());
    for branch in 0..BRANCHES {
        let id = world.request("b", 0);
        world.requests.get_mut(&id).expect("added").branch = format!("branch{branch:02}");
        matcher.add_request(world.candidate(id));
        new.push(RequestId(id));
    }
    matcher.look_at(0);
    let found = matcher.next(&policy, Micros(0)).expect("what was seen before goes on");
    assert_eq!(found.request, RequestId(1));
    assert_eq!(matcher.evaluations(), before, "nothing was to be looked at");
    assert!(new.iter().all(|id| matcher.is_request_unseen(*id)));
    let mut turns = 0;
    while matcher.is_looking() {
        let asked = matcher.evaluations();
        matcher.look_at(usize::try_from(SLICE).expect("small"));
        assert!(matcher.next(&policy, Micros(0)).is_some(), "something seen can always start");
        // One more where all classes are formed anew.
        assert!(matcher.evaluations() - asked <= SLICE + 1);
        turns += 1;
    }
    assert!(turns >= BRANCHES / (SLICE + 1), "only {turns} slices");
    assert!(new.iter().all(|id| !matcher.is_request_unseen(*id)));
    let calls = matcher.evaluations() - before;
    assert!(calls <= BRANCHES * WORKER_CLASSES, "{calls} calls for {BRANCHES} new classes");
}

/// Nothing is asked about them, and still they are not all looked at in one go.
#[test]
fn pairs_whose_answers_are_remembered_count_too() {
    let policy = TestPolicy::new(Allow::All, vec![(Kind::Priority, Direction::Highest)]);
    let mut world = World::default();
    world.lock("many", false, LockCapacity::Units(1_000));
    world.worker("w", 1, &[]);
    for units in 1..=64 {
        world.builder(&format!("b{units}"), &[], &[], vec![counting("many", units)]);
        world.request(&format!("b{units}"), 0);
    }
    let mut matcher = world.matcher();
    let mut turns = 0;
    while turns == 0 || matcher.is_looking() {
        matcher.look_at(1);
        assert_eq!(matcher.next(&policy, Micros(0)).map(|found| found.worker), Some("w".into()));
        turns += 1;
    }
    assert_eq!(matcher.evaluations(), 1, "`allow` reads nothing, so one answer is for all");
    assert!((4..=8).contains(&turns), "64 pairs in {turns} slices");
}

#[test]
fn a_worker_of_a_new_class_is_free_once_it_is_seen() {
    let policy = TestPolicy::new(Allow::All, vec![(Kind::Affinity, Direction::Highest)]);
    let (mut world, mut matcher) = known(&policy);
    for name in world.workers.keys() {
        matcher.remove_worker(name);
    }
    world.worker("other", 1, &[]);
    world.workers.get_mut("other").expect("added").last_builder = "elsewhere".into();
    world.tell_worker(&mut matcher, "other");
    matcher.look_at(0);
    assert_eq!(matcher.next(&policy, Micros(0)), None);
    assert!(matcher.is_worker_unseen("other") && matcher.is_looking());
    matcher.look_at(1);
    let found = matcher.next(&policy, Micros(0)).expect("seen");
    assert_eq!((found.worker.as_str(), matcher.is_looking()), ("other", false));
}

#[test]
fn what_is_not_placed_yet_is_counted_until_the_next_decision() {
    let policy = TestPolicy::new(Allow::All, vec![(Kind::Priority, Direction::Highest)]);
    let (mut world, mut matcher) = known(&policy);
    assert_eq!((matcher.unplaced(), matcher.workers()), (0, 10));
    let id = world.request("b", 1);
    matcher.add_request(world.candidate(id));
    assert_eq!(matcher.unplaced(), 1);
    let found = matcher.next(&policy, Micros(0)).expect("a free worker");
    assert_eq!(matcher.unplaced(), 0);
    matcher.take(&found).expect("it was pending");
    assert!((1..10).contains(&matcher.unplaced()), "a request, a holding and a worker");
    assert_eq!(world.matcher().unplaced(), usize::MAX, "all of it");
    matcher.clear();
    assert_eq!(matcher.unplaced(), usize::MAX, "all of it again");
}
