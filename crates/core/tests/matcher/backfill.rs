//! What backfill promises to those who are passed, and what it goes by.

use std::collections::BTreeMap;

use steading_core::farm::{Direction, LockCapacity};
use steading_core::matcher::{Backfill, Matcher, NoBackfill};
use steading_core::words::{Duration, Micros, RequestId};

use crate::churn::Dice;
use crate::policy::{Allow, Kind, TestPolicy};
use crate::world::{World, counting, exclusive};

fn policy(backfills: bool) -> TestPolicy {
    let overdue = (Kind::Overdue, Direction::Lowest);
    let priority = (Kind::Priority, Direction::Highest);
    let oldest = (Kind::Submitted, Direction::Lowest);
    TestPolicy::new(Allow::All, vec![overdue, priority, oldest]).backfills(backfills)
}

/// A build of `long` that began just now and holds one of four units, a request that waits for all
/// of them, and one behind it that wants one; times in milliseconds.
fn gate(long: Option<(i64, i64)>, quick: Option<(i64, i64)>) -> (World, i64, i64) {
    let mut world = World { now: 1_000_000, ..World::default() };
    world.lock("gate", false, LockCapacity::Units(4));
    world.builder("long", &[], &[], vec![counting("gate", 1)]);
    world.builder("all", &[], &[], vec![exclusive("gate")]);
    world.builder("quick", &[], &[], vec![counting("gate", 1)]);
    world.worker("w", 9, &[]);
    world.paces.extend(long.map(|pace| ("long".to_owned(), pace)));
    world.paces.extend(quick.map(|pace| ("quick".to_owned(), pace)));
    let long = world.request("long", 0);
    world.start(long, "w");
    let all = world.request("all", 1);
    let quick = world.request("quick", 0);
    (world, all, quick)
}

#[test]
fn what_is_over_before_the_one_ahead_could_start_passes_it() {
    let check = |long, quick, takes: Option<i64>| {
        let (world, all, quick) = gate(long, quick);
        let found = world.matcher().next(&policy(true), Micros(world.now));
        let expected = takes.map(|takes| {
            let (passes, before) = (RequestId(all), Micros(world.now).plus(Duration(60)));
            (RequestId(quick), Some(Backfill { takes: Duration(takes), passes, before }))
        });
        assert_eq!(found.map(|found| (found.request, found.backfill)), expected);
        assert_eq!(world.matcher().next(&policy(false), Micros(world.now)), None, "not asked for");
    };
    check(Some((60, 90)), Some((1, 10)), Some(10));
    check(Some((60, 90)), Some((1, 60)), Some(60));
    check(Some((60, 90)), Some((1, 61)), None);
    // Nobody knows how long it takes, or how long what is in the way does.
    check(Some((60, 90)), None, None);
    check(None, Some((1, 10)), None);
}

#[test]
fn time_takes_the_room_away_and_who_is_overdue_is_passed_by_nobody() {
    let check = |ms: i64, start_by: Option<i64>, passes: bool| {
        let (mut world, all, _) = gate(Some((60, 90)), Some((1, 10)));
        let start_by = start_by.map(|ms| world.now + ms * 1_000);
        world.requests.get_mut(&all).expect("it waits").start_by = start_by;
        let found = world.matcher().next(&policy(true), Micros(world.now).plus(Duration(ms)));
        assert_eq!(found.is_some(), passes, "{ms}, {start_by:?}");
    };
    check(50, None, true);
    check(51, None, false);
    // Half of the builds would have ended: this one may any moment, and be it in an hour.
    check(60, None, false);
    check(3_600_000, None, false);
    check(20, Some(30), true);
    check(30, Some(30), false);
}

#[test]
fn several_pass_as_far_as_there_are_units_and_what_a_step_waits_for_is_not_lent() {
    let (mut world, ..) = gate(Some((60, 90)), Some((1, 10)));
    for _ in 0..4 {
        world.request("quick", 0);
    }
    let passing = |mut matcher: Matcher| {
        let mut count = 0;
        while let Some(found) = matcher.next(&policy(true), Micros(world.now)) {
            assert!(found.backfill.is_some());
            matcher.take(&found);
            count += 1;
        }
        count
    };
    assert_eq!(passing(world.matcher()), 3, "four units, one of them held by the long one");
    let mut matcher = world.matcher();
    let view = world.request_view(2);
    let step = steading_core::words::StepId(7);
    let (by, worker) = ("long/1 test".to_owned(), "w".to_owned());
    let locks = vec![counting("gate", 4)];
    matcher.set_waiting(vec![steading_core::matcher::Waiting { step, by, view, worker, locks }]);
    assert_eq!(passing(matcher), 0);
}

#[test]
fn an_explanation_says_why_not_and_whom_it_passes() {
    let check = |long, quick, expected: Result<(), Option<i64>>, text: &str| {
        let (world, all, id) = gate(long, quick);
        let told = world.matcher().explain(RequestId(id), &policy(true), Micros(world.now));
        let told = told.expect("it is pending");
        let ahead = RequestId(all);
        match (told.backfill, expected) {
            (Some(Ok(found)), Ok(())) => assert_eq!(found.passes, ahead),
            (Some(Err(NoBackfill::Unknown)), Err(None)) => {}
            (Some(Err(NoBackfill::TooLong { ahead: found, room, .. })), Err(Some(ms))) => {
                assert_eq!((found, room), (ahead, (ms > 0).then_some(Duration(ms))));
            }
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
        assert!(told.text.ends_with(text), "{}", told.text);
    };
    let long = Some((60_000, 90_000));
    check(long, Some((1, 10_000)), Ok(()), "before request 2, ahead of it, could start.");
    check(
        long,
        None,
        Err(None),
        "too few of its builder's builds ended green to know how long \
        one takes.",
    );
    check(
        long,
        Some((1, 90_000)),
        Err(Some(60_000)),
        "nine of ten of its builds take up to 1:30, and \
         request 2 may start in 1:00.",
    );
    check(None, Some((1, 1_000)), Err(Some(0)), "and request 2 may start any moment.");
    // The one ahead waits for what is held, not for what is kept back.
    let (world, all, _) = gate(long, None);
    let told = world.matcher().explain(RequestId(all), &policy(true), Micros(world.now));
    assert_eq!(told.expect("it is pending").backfill, None);
}

/// When each request starts and which were backfilled, if nothing comes and each build takes as
/// long as `takes` says.
fn starts(
    mut world: World,
    backfills: bool,
    takes: &BTreeMap<i64, i64>,
) -> (BTreeMap<i64, i64>, Vec<i64>) {
    let policy = policy(backfills);
    let mut matcher = world.matcher();
    let mut running: Vec<(i64, i64)> =
        world.runs.iter().map(|run| (world.now + takes[&run.request], run.request)).collect();
    let mut starts: BTreeMap<i64, i64> = BTreeMap::new();
    let mut backfilled = Vec::new();
    loop {
        while let Some(found) = matcher.next(&policy, Micros(world.now)) {
            let id = found.request.0;
            starts.insert(id, world.now);
            backfilled.extend(found.backfill.is_some().then_some(id));
            world.start(id, &found.worker);
            running.push((world.now + takes[&id], id));
            matcher.take(&found);
            world.assert_sound();
        }
        running.sort_unstable_by(|a, b| b.cmp(a));
        let Some((at, id)) = running.pop() else { return (starts, backfilled) };
        world.now = at;
        world.runs.retain(|run| run.request != id);
        matcher = world.matcher();
    }
}

/// A farm with builds that run, a few great requests and many small ones, and how long each takes:
/// between what half and what nine of ten of its builder's builds do, and what it overruns.
fn farm(seed: u64, great: usize, overruns: i64) -> (World, Vec<i64>, BTreeMap<i64, i64>) {
    let mut dice = Dice(seed);
    let mut world = World { now: 1_000_000, ..World::default() };
    for (name, most) in [("gate", 5), ("net", 3)] {
        world.lock(name, false, LockCapacity::Units(2 + dice.up_to(most)));
    }
    world.lock("disk", true, LockCapacity::Units(2 + dice.up_to(2)));
    for name in ["v", "w"] {
        world.worker(name, 99, &[]);
    }
    for b in 0..6 {
        let mut locks = Vec::new();
        for lock in ["gate", "net", "disk"] {
            match dice.roll(4) {
                0 if b < 2 => locks.push(exclusive(lock)),
                0 | 1 => locks.push(counting(lock, 1 + dice.up_to(1))),
                _ => {}
            }
        }
        world.builder(&format!("b{b}"), &[], &[], locks);
        let half = 1 + dice.up_to(if b < 4 { 60 } else { 8 });
        world.paces.insert(format!("b{b}"), (half, half + dice.up_to(10)));
    }
    let mut ids = Vec::new();
    for n in 0..4 {
        let id = world.request(&format!("b{}", 2 + n % 2), 9);
        let (began, now) = (world.now - dice.up_to(30) * 1_000, world.now);
        let free = world.matcher().next(&policy(false), Micros(now));
        match free {
            Some(found) => {
                world.now = began;
                world.start(id, &found.worker);
                world.now = now;
                ids.push(id);
            }
            None => {
                world.requests.remove(&id);
            }
        }
    }
    let great: Vec<i64> =
        (0..great).map(|_| world.request(&format!("b{}", dice.roll(2)), 5)).collect();
    let small: Vec<i64> =
        (0..20).map(|_| world.request(&format!("b{}", 2 + dice.roll(4)), 0)).collect();
    let mut takes = BTreeMap::new();
    for run in &world.runs {
        // It runs already, and leaves no earlier than half of its like do.
        let ends = run.ends.expect("its builder is known").max(world.now);
        takes.insert(run.request, ends - world.now + dice.up_to(9) * 1_000);
    }
    for id in great.iter().chain(&small) {
        let (half, most) = world.paces[&world.requests[id].builder];
        let longer = if small.contains(id) { dice.up_to(overruns) } else { 0 };
        let over = if longer > 0 { most - half + longer } else { dice.up_to(most - half) };
        takes.insert(*id, (half + over) * 1_000);
    }
    (world, great, takes)
}

#[test]
fn with_honest_durations_nobody_great_starts_later() {
    let mut passed = 0;
    for seed in 0..120 {
        let great = 1 + usize::try_from(seed % 3).expect("small");
        let (world, great, takes) = farm(seed, great, 0);
        let (before, none) = starts(world.clone(), false, &takes);
        let (after, backfilled) = starts(world, true, &takes);
        assert_eq!(none, Vec::<i64>::new());
        assert_eq!(before.len(), after.len(), "seed {seed}: all start in the end");
        for id in great {
            assert!(after[&id] <= before[&id], "seed {seed}: request {id} starts later");
        }
        passed += backfilled.len();
    }
    assert!(passed > 60, "only {passed}");
}

#[test]
fn who_overruns_delays_by_no_more_than_that() {
    let (mut passed, mut delayed) = (0, 0);
    for seed in 0..120 {
        let (world, great, takes) = farm(seed, 1, 40);
        let most = |id: &i64| world.paces[&world.requests[id].builder].1 * 1_000;
        let over: BTreeMap<i64, i64> =
            world.requests.keys().map(|id| (*id, takes[id] - most(id))).collect();
        let (before, _) = starts(world.clone(), false, &takes);
        let (after, backfilled) = starts(world, true, &takes);
        let bound = backfilled.iter().map(|id| over[id]).max().unwrap_or(0).max(0);
        let delay = after[&great[0]] - before[&great[0]];
        assert!(delay <= bound, "seed {seed}: {delay} µs, and the most that overran is {bound}");
        passed += backfilled.len();
        delayed += usize::from(delay > 0);
    }
    assert!(passed > 30 && delayed > 4, "only {passed}, {delayed} delayed");
}
