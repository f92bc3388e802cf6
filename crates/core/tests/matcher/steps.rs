//! Steps that wait for locks, among requests that want the same.

use std::collections::BTreeMap;

use steading_core::farm::{Direction, LockCapacity};
use steading_core::matcher::{Holding, HoldingId, Matcher, NotNow, Start, Waiting};
use steading_core::words::{HeldLock, Micros, RequestId, StepId};

use crate::policy::{Allow, Kind, TestPolicy};
use crate::world::{Run, World, counting, exclusive};

/// Oldest first.
fn oldest() -> TestPolicy {
    TestPolicy::new(Allow::All, vec![(Kind::Submitted, Direction::Lowest)])
}

/// A farm of two workers and the locks `gpu`, `key` and `disk`.
fn farm() -> World {
    let mut world = World::default();
    world.lock("gpu", false, LockCapacity::Units(2));
    world.lock("key", false, LockCapacity::Units(1));
    world.lock("disk", true, LockCapacity::Units(1));
    world.builder("plain", &[], &[], Vec::new());
    world.builder("small", &[], &[], vec![counting("gpu", 1)]);
    world.builder("large", &[], &[], vec![exclusive("gpu")]);
    world.builder("keyed", &[], &[], vec![exclusive("key")]);
    world.builder("both", &[], &[], vec![exclusive("key"), counting("gpu", 1)]);
    world.worker("a", 9, &[]);
    world.worker("b", 9, &[]);
    world
}

/// A build of that builder runs there, and its next step waits for these locks. The request is as
/// old as its number says.
fn waits(world: &mut World, worker: &str, builder: &str, locks: Vec<HeldLock>) -> Waiting {
    let id = world.request(builder, 0);
    let view = world.request_view(id);
    world.start(id, worker);
    let by = format!("{builder}/{id} test");
    Waiting { step: StepId(id), by, view, worker: worker.into(), locks }
}

/// A step there holds locks by itself.
fn holds(world: &mut World, worker: &str, locks: Vec<HeldLock>) {
    let worker = worker.into();
    world.runs.push(Run {
        request: 0,
        worker,
        slot: false,
        locks,
        runs: None,
        of: None,
        ends: None,
    });
}

fn matcher(world: &World, waiting: &[&Waiting]) -> Matcher {
    let mut matcher = world.matcher();
    matcher.set_waiting(waiting.iter().map(|it| (*it).clone()).collect());
    matcher
}

/// What goes, one after the other, until nothing does: `s3` a step, `r4` a request.
fn goes(mut matcher: Matcher) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(next) = matcher.next_start(&oldest(), Micros(0)) {
        match next {
            Start::Step(step) => {
                matcher.grant(step);
                all.push(format!("s{step}"));
            }
            Start::Build(found) => {
                matcher.take(&found);
                all.push(format!("r{}", found.request));
            }
        }
    }
    all
}

#[test]
fn whoever_is_first_in_the_order_gets_the_lock() {
    let mut world = farm();
    let older = world.request("large", 0);
    let step = waits(&mut world, "a", "plain", vec![counting("gpu", 1)]);
    world.request("small", 0);
    assert_eq!(goes(matcher(&world, &[&step])), [format!("r{older}")]);
    let mut world = farm();
    let step = waits(&mut world, "a", "plain", vec![exclusive("gpu")]);
    let free = world.request("plain", 0);
    world.request("small", 0);
    let expected = [format!("s{}", step.step), format!("r{free}")];
    assert_eq!(goes(matcher(&world, &[&step])), expected);
}

#[test]
fn a_waiting_step_keeps_its_lock_back_from_all_that_rank_below() {
    let mut world = farm();
    holds(&mut world, "b", vec![counting("gpu", 1)]);
    let step = waits(&mut world, "a", "plain", vec![exclusive("gpu")]);
    let other = waits(&mut world, "b", "plain", vec![counting("gpu", 1)]);
    world.request("small", 0);
    let free = world.request("plain", 0);
    // One unit is free, and it is kept for the exclusive step.
    assert_eq!(goes(matcher(&world, &[&step, &other])), [format!("r{free}")]);
}

#[test]
fn an_older_request_keeps_its_lock_back_from_younger_steps() {
    let mut world = farm();
    holds(&mut world, "b", vec![counting("gpu", 1)]);
    world.request("large", 0);
    let step = waits(&mut world, "a", "plain", vec![counting("gpu", 1)]);
    assert!(goes(matcher(&world, &[&step])).is_empty());
}

/// The request waits for what the build of the step holds: kept back from it, the step would wait
/// for the request, and the request for the step.
#[test]
fn a_step_never_waits_for_one_that_waits_for_its_build() {
    let mut world = farm();
    let both = world.request("both", 0);
    let step = waits(&mut world, "a", "keyed", vec![exclusive("gpu")]);
    assert_eq!(goes(matcher(&world, &[&step])), [format!("s{}", step.step)]);
    world.runs.clear();
    assert_eq!(goes(matcher(&world, &[])), [format!("r{both}")]);
}

/// Two builds, two steps, two requests that each want what the one build holds and the other's step
/// wants: each rule by itself would let all of them wait.
#[test]
fn no_circle_through_requests_stops_everybody() {
    let mut world = farm();
    world.lock("map", false, LockCapacity::Units(1));
    world.lock("net", false, LockCapacity::Units(1));
    world.builder("mapped", &[], &[], vec![exclusive("map")]);
    world.builder("one", &[], &[], vec![exclusive("map"), exclusive("gpu")]);
    world.builder("two", &[], &[], vec![exclusive("key"), exclusive("net")]);
    world.request("one", 0);
    world.request("two", 0);
    let first = waits(&mut world, "a", "keyed", vec![exclusive("gpu")]);
    let second = waits(&mut world, "b", "mapped", vec![exclusive("net")]);
    assert_eq!(goes(matcher(&world, &[&first, &second])), [format!("s{}", first.step)]);
    // The build of the first ends: what it held is all that the older request waited for.
    world.runs.remove(0);
    assert_eq!(goes(matcher(&world, &[&second])), ["r2"]);
}

/// A step that wants two locks, of which one or the other is always held by a stream of younger
/// steps: it keeps both back from them.
#[test]
fn a_step_that_wants_two_locks_is_not_starved_by_steps_that_want_one() {
    let mut world = farm();
    let large = waits(&mut world, "a", "plain", vec![exclusive("gpu"), exclusive("key")]);
    let mut matcher = Matcher::new(&world.farm);
    for name in ["a", "b"] {
        world.tell_worker(&mut matcher, name);
    }
    let step = |locks| Holding {
        by: "younger".to_owned(),
        worker: "b".to_owned(),
        slot: false,
        locks,
        runs: None,
    };
    let gpu = matcher.hold(step(vec![exclusive("gpu")]), None);
    let key = matcher.hold(step(vec![exclusive("key")]), None);
    let mut waiting = vec![large.clone()];
    for lock in ["gpu", "key"] {
        waiting.push(waits(&mut world, "b", "plain", vec![exclusive(lock)]));
    }
    matcher.set_waiting(waiting);
    for id in [gpu, key] {
        assert_eq!(matcher.next_start(&oldest(), Micros(0)), None);
        matcher.release(id);
    }
    assert_eq!(matcher.next_start(&oldest(), Micros(0)), Some(Start::Step(large.step)));
}

#[test]
fn own_locks_of_workers_are_waited_for_where_the_build_runs() {
    let mut world = farm();
    holds(&mut world, "a", vec![exclusive("disk")]);
    let here = waits(&mut world, "a", "plain", vec![exclusive("disk")]);
    let there = waits(&mut world, "b", "plain", vec![exclusive("disk")]);
    assert_eq!(goes(matcher(&world, &[&here, &there])), [format!("s{}", there.step)]);
}

#[test]
fn a_step_goes_on_where_nothing_new_begins_but_not_where_nobody_is() {
    let mut world = farm();
    let step = waits(&mut world, "a", "plain", vec![exclusive("gpu")]);
    let small = world.request("small", 0);
    world.workers.get_mut("a").expect("known").open = false;
    // Nobody is there: it keeps nothing back either.
    assert_eq!(goes(matcher(&world, &[&step])), [format!("r{small}")]);
    // A reset that is due waits until the build is over: the build must not wait for the reset.
    for why in [NotNow::Draining, NotNow::Resetting] {
        let mut matcher = matcher(&world, &[&step]);
        matcher.set_worker(world.worker_view("a"), Err(why.clone()));
        assert_eq!(goes(matcher)[0], format!("s{}", step.step), "{why:?}");
    }
}

/// A stream of small steps and small builds, and one step that wants all: how many of them end
/// before it goes on.
#[test]
fn an_exclusive_step_is_not_starved_by_small_ones() {
    let mut world = farm();
    let (mut held, mut waiting): (BTreeMap<StepId, HoldingId>, Vec<Waiting>) = Default::default();
    let mut matcher = Matcher::new(&world.farm);
    for name in ["a", "b"] {
        world.tell_worker(&mut matcher, name);
    }
    for _ in 0..4 {
        waiting.push(waits(&mut world, "a", "plain", vec![counting("gpu", 1)]));
    }
    let large = waits(&mut world, "b", "plain", vec![exclusive("gpu")]);
    waiting.push(large.clone());
    for ended in 0..20 {
        matcher.set_waiting(waiting.clone());
        while let Some(next) = matcher.next_start(&oldest(), Micros(0)) {
            let Start::Step(step) = next else {
                panic!("a younger request went before: {next:?}");
            };
            held.extend(matcher.grant(step).map(|id| (step, id)));
            waiting.retain(|it| it.step != step);
        }
        if held.contains_key(&large.step) {
            assert!(ended <= 4, "{ended} steps ended before it went on");
            return;
        }
        // One ends, and as soon as it does others are there.
        let (step, id) = held.pop_first().expect("somebody holds it");
        matcher.release(id);
        assert_ne!(step, large.step);
        waiting.push(waits(&mut world, "a", "plain", vec![counting("gpu", 1)]));
        let small = world.request("small", 0);
        matcher.add_request(world.candidate(small));
        assert!(matcher.request(RequestId(small)).is_some());
    }
    panic!("the exclusive step starved");
}

#[test]
fn a_request_that_waits_for_a_waiting_step_is_told_so() {
    let mut world = farm();
    holds(&mut world, "b", vec![counting("gpu", 1)]);
    let step = waits(&mut world, "a", "plain", vec![exclusive("gpu")]);
    let small = world.request("small", 0);
    let matcher = matcher(&world, &[&step]);
    let told = matcher.explain(RequestId(small), &oldest(), Micros(0)).expect("pending");
    let text = "It is number 1 of 1 in the queue and waits for lock `gpu` (1 of 2), held by build/1, \
                plain/1 test (waiting) (all).";
    assert_eq!((told.verdict.code(), told.text.as_str()), ("waits_for_locks", text));
}
