//! What-if on worlds small enough to work out by hand.

mod random;
mod world;

use std::sync::Arc;

use steading_core::farm::LockCapacity;
use steading_core::matcher::Pace;
use steading_core::replay::{Fate, Report, Running, World, compare, replay};
use steading_core::words::{Access, Duration, HeldLock, RequestId};

use world::*;

/// `request@worker at second`, in the order decided.
fn told(report: &Report) -> String {
    let one = |d: &steading_core::replay::Decision| {
        format!("{}@{} {}", d.request, d.worker, d.at.0 / 1_000_000)
    };
    report.decisions.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(world: &World, policy: &Plain, expected: &str) -> Report {
    let report = replay(world, policy);
    assert_eq!(told(&report), expected);
    report
}

/// A slow build, another slow one, and a quick one in a hurry, on one slot.
fn queue() -> World {
    let arrivals = vec![
        arrival(1, "slow", 0, 10),
        arrival(2, "slow", 1, 10),
        arrival(3, "quick", 2, 1).priority(5),
    ];
    world(&[("barn", worker(1))], arrivals)
}

#[test]
fn the_order_decides_who_waits() {
    let world = queue();
    let first = check(&world, &oldest(), "1@barn 0, 2@barn 10, 3@barn 20");
    let second = check(&world, &highest_priority(), "1@barn 0, 3@barn 10, 2@barn 11");
    let seconds = |report: &Report, builder: &str| {
        let waits = report.builders[builder];
        [waits.p50, waits.p95, waits.max].map(|d| d.0 / 1000)
    };
    assert_eq!((seconds(&first, "slow"), seconds(&first, "quick")), ([0, 9, 9], [18, 18, 18]));
    assert_eq!((seconds(&second, "slow"), seconds(&second, "quick")), ([0, 10, 10], [8, 8, 8]));
    assert_eq!(first.all.p50, Duration::seconds(9));
    assert_eq!((first.makespan, second.makespan), (Duration::seconds(21), Duration::seconds(21)));
    assert_eq!(first.longest.as_ref().map(|w| w.request), Some(RequestId(3)));
    // 21 of the 100 seconds of one slot.
    assert_eq!(first.workers["barn"].permille(), 210);
    let difference = compare(&first, &second);
    assert_eq!(difference.builders["quick"].max_ms, -10_000);
    assert_eq!(difference.builders["slow"].max_ms, 1_000);
    let changed: Vec<RequestId> = difference.decisions.iter().map(|c| c.request).collect();
    assert_eq!(changed, [RequestId(2), RequestId(3)]);
    let started = |second| Fate::Started { worker: "barn".into(), at: at(second) };
    assert_eq!(
        (&difference.decisions[1].a, &difference.decisions[1].b),
        (&started(20), &started(10))
    );
}

#[test]
fn the_same_world_gives_the_same_report_in_whatever_order_it_is_told() {
    let world = queue();
    let mut turned = world.clone();
    turned.arrivals.reverse();
    for policy in [oldest(), highest_priority()] {
        let report = replay(&world, &policy);
        assert_eq!(report, replay(&world, &policy));
        assert_eq!(report, replay(&turned, &policy));
        assert_eq!(compare(&report, &report), compare(&report, &replay(&turned, &policy)));
        assert!(compare(&report, &report).decisions.is_empty());
    }
}

#[test]
fn locks_are_free_when_the_last_step_ends_and_slots_when_the_build_does() {
    let mut first = arrival(1, "a", 0, 10).exclusive("disk");
    first.length.locks = Duration::seconds(4);
    let arrivals = vec![first, arrival(2, "b", 0, 5).exclusive("disk"), arrival(3, "c", 5, 1)];
    let world = world(&[("barn", worker(2))], arrivals);
    check(&world, &oldest(), "1@barn 0, 2@barn 4, 3@barn 9");
}

#[test]
fn what_ran_at_the_beginning_is_in_the_way() {
    let mut world = world(&[("barn", worker(1))], vec![arrival(2, "a", 0, 5)]);
    let disk = HeldLock { lock: "disk".into(), access: Access::Exclusive };
    world.running.push(Running {
        request: RequestId(1),
        builder: "a".into(),
        worker: "barn".into(),
        locks: vec![disk],
        started_at: at(-2),
        locks_free_at: at(3),
        ends_at: at(7),
    });
    // What waited already waits since its submit.
    world.arrivals[0].view.submitted_at = at(-3);
    world.arrivals[0].at = at(-3);
    let report = check(&world, &oldest(), "2@barn 7");
    assert_eq!(report.all.max, Duration::seconds(10));
    assert_eq!(report.workers["barn"].busy, Duration::seconds(12));
}

#[test]
fn what_is_kept_back_is_used_if_the_policy_backfills() {
    let wants = |access| HeldLock { lock: "disk".into(), access };
    let mut world = world(&[("barn", worker(9))], Vec::new());
    let disk = world.farm.locks.get_mut("disk").expect("declared");
    disk.capacity = LockCapacity::Units(3);
    for (id, builder, access, seconds) in [
        (1, "long", Access::Counting(1), 60),
        (2, "all", Access::Exclusive, 5),
        (3, "quick", Access::Counting(1), 10),
        (4, "quick", Access::Counting(1), 10),
        (5, "slow", Access::Counting(1), 70),
    ] {
        let mut arrival = arrival(id, builder, 0, seconds);
        Arc::make_mut(&mut arrival.recipe).locks = vec![wants(access)];
        world.arrivals.push(arrival);
        let span = Duration::seconds(seconds);
        world.paces.insert(builder.to_owned(), Pace { locks: span, whole: span });
    }
    check(&world, &oldest(), "1@barn 0, 2@barn 60, 3@barn 65, 4@barn 65, 5@barn 65");
    let backfills = Plain { backfills: true, ..oldest() };
    check(&world, &backfills, "1@barn 0, 3@barn 0, 4@barn 0, 2@barn 60, 5@barn 65");
}

#[test]
fn a_worker_that_is_away_takes_nothing_and_offers_no_slot_time() {
    let arrivals = vec![arrival(1, "a", 0, 10), arrival(2, "a", 6, 10)];
    let world = world(&[("barn", away(2, 5, 55))], arrivals);
    let report = check(&world, &oldest(), "1@barn 0, 2@barn 55");
    // Two slots for fifty seconds, and the build that went on while it was away.
    let barn = report.workers["barn"];
    assert_eq!((barn.available, barn.busy), (Duration::seconds(105), Duration::seconds(20)));
}

#[test]
fn requests_that_never_start_say_why_and_count_as_waiting() {
    let mut pinned = arrival(1, "a", 0, 5);
    Arc::make_mut(&mut pinned.recipe).pinned = Some("attic".into());
    let world = world(&[("barn", worker(1))], vec![pinned, arrival(2, "b", 40, 5)]);
    let policy = Plain { refuses: "b", ..oldest() };
    let report = check(&world, &policy, "");
    let never: Vec<_> = report.never.iter().map(|n| (n.waiter.request.0, n.verdict)).collect();
    assert_eq!(never, [(1, "never"), (2, "refused_by_policy")]);
    assert!(report.never[0].why.contains("attic"), "{}", report.never[0].why);
    assert_eq!((report.all.count, report.all.max), (2, Duration::seconds(100)));
    assert_eq!(report.longest.as_ref().map(|w| w.request), Some(RequestId(1)));
    let other = replay(&world, &oldest());
    let changed = compare(&report, &other).decisions;
    assert_eq!((changed.len(), &changed[0].a), (1, &Fate::Never));
}

#[test]
fn priorities_and_withdrawals_happen_at_their_time() {
    let mut world = queue();
    world.arrivals[1].priorities.push((at(4), 9));
    check(&world, &highest_priority(), "1@barn 0, 2@barn 10, 3@barn 20");
    world.arrivals[1].withdrawn_at = Some(at(8));
    let report = check(&world, &highest_priority(), "1@barn 0, 3@barn 10");
    assert_eq!(report.others[&RequestId(2)].1, Fate::Withdrawn { at: at(8) });
    assert_eq!(report.all.count, 2);
    // Taken back while it runs, it ends then.
    world.arrivals[0].withdrawn_at = Some(at(3));
    world.arrivals[1].withdrawn_at = None;
    check(&world, &highest_priority(), "1@barn 0, 3@barn 3, 2@barn 4");
}

#[test]
fn the_policy_tried_collapses_what_it_would_have_collapsed() {
    let mut arrivals: Vec<_> = (1..=4).map(|id| arrival(id, "a", id, 10)).collect();
    arrivals[3].view.branch = "topic".into();
    let mut world = world(&[("barn", worker(1))], arrivals);
    check(&world, &oldest(), "1@barn 1, 2@barn 11, 3@barn 21, 4@barn 31");
    let folding = Plain { collapses: true, ..oldest() };
    let report = check(&world, &folding, "1@barn 1, 3@barn 11, 4@barn 21");
    assert_eq!(report.others[&RequestId(2)].1, Fate::Folded { into: RequestId(3) });
    // The survivor waits since the older's submit.
    assert_eq!(report.all.max, Duration::seconds(17));
    world.arrivals[2].withdrawn_at = Some(at(5));
    check(&world, &folding, "1@barn 1, 2@barn 11, 4@barn 21");
}

#[test]
fn projects_are_the_property_or_else_the_repository() {
    let arrivals = vec![arrival(1, "a", 0, 1), arrival(2, "a", 0, 1).project("kernel")];
    let report = replay(&world(&[("barn", worker(1))], arrivals), &oldest());
    let projects: Vec<_> =
        report.projects.iter().map(|(name, w)| (name.as_str(), w.count)).collect();
    assert_eq!(projects, [("kernel", 1), ("repo", 1)]);
}

#[test]
fn an_empty_world_gives_an_empty_report() {
    let world = World::default();
    assert_eq!(replay(&world, &oldest()), Report::default());
}
