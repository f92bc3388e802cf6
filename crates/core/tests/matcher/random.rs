//! Every decision and every explanation in random worlds.

use std::collections::BTreeMap;

use steading_core::matcher::{Verdict, Why};

use crate::churn::{Farm, Tally, compare, policy};
use crate::oracle;
use crate::world::{Work, World};
use crate::written::Written;

/// Worlds per run, unless `WORLDS` says another number; each makes some 30 decisions.
const WORLDS: u64 = 1_200;

#[test]
#[expect(clippy::print_stdout, reason = "whoever tries mutants reads how many were compared")]
fn every_decision_is_the_oracles() {
    let mut sum = Tally::default();
    let worlds = std::env::var("WORLDS").map_or(WORLDS, |n| n.parse().expect("a number of worlds"));
    let mut of = |mut farm: Farm, seed: u64| {
        sum.add(compare(&mut farm, seed).unwrap_or_else(|mismatch| panic!("{mismatch}")));
    };
    (0..worlds).for_each(|seed| of(Farm::new(seed), seed));
    let lending = worlds..worlds + worlds / 8;
    lending.for_each(|seed| of(Farm::lending(seed, policy), seed));
    assert!(sum.decisions >= 20_000, "only {sum:?}");
    assert!(sum.matches >= 8_000 && sum.idle >= 8_000, "lopsided worlds: {sum:?}");
    assert!(sum.with_steps >= 2_000 && sum.granted >= 600, "lopsided worlds: {sum:?}");
    assert!(sum.backfilled >= 300 && sum.asked_to_lend >= 4_000, "lopsided worlds: {sum:?}");
    println!("compared {} decisions, {} with steps waiting", sum.decisions, sum.with_steps);
}

/// A step and a request whose terms say values of different types, found by the full run.
#[test]
fn values_of_different_types_do_not_say_who_ranks_below_a_step() {
    compare(&mut Farm::new(19_509), 19_509).unwrap_or_else(|mismatch| panic!("{mismatch}"));
}

/// Found by the full run: whether it backfills depends on whether it met values of two types.
#[test]
fn a_matcher_that_met_values_of_two_types_backfills_nothing_for_a_while() {
    let farm = &mut Farm::lending(15_019, policy);
    compare(farm, 15_019).unwrap_or_else(|mismatch| panic!("{mismatch}"));
}

/// At rest, the explanation of every waiting request agrees with the oracle.
#[test]
fn every_explanation_agrees_with_the_oracle() {
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..400 {
        let mut farm = Farm::new(seed ^ 0xE0);
        farm.steps = false;
        for _ in 0..30 {
            farm.churn();
        }
        let now = farm.now();
        let Farm { policy, mut world, mut matcher, .. } = farm;
        let before = matcher.clone();
        let mut started = Vec::new();
        while let Some(found) = matcher.next(policy.policy.as_ref(), now) {
            matcher.take(&found);
            world.start(found.request.0, &found.worker);
            started.push(found);
        }
        for (after, found) in started.iter().enumerate() {
            let told =
                before.explain(found.request, policy.policy.as_ref(), now).expect("it was pending");
            let expected = Verdict::Next { worker: found.worker.clone(), after };
            assert_eq!(told.verdict, expected, "seed {seed}: {}", told.text);
        }
        let order = matcher.order_at(policy.policy.as_ref(), now);
        assert_eq!(order.len(), world.requests.len());
        for (place, id) in order.iter().enumerate() {
            let told = matcher.explain(*id, policy.policy.as_ref(), now).expect("it is pending");
            assert_eq!(told.place, place + 1);
            *verdicts.entry(told.verdict.code()).or_default() += 1;
            agrees(&world, &policy, &told);
        }
    }
    let kinds: Vec<&str> = verdicts.keys().copied().collect();
    let all =
        ["never", "refused_by_policy", "waits_for_locks", "waits_for_slot", "waits_for_worker"];
    assert_eq!(kinds, all, "{verdicts:?}");
}

fn agrees(world: &World, policy: &Written, told: &steading_core::matcher::Explanation) {
    let id = told.request.0;
    let req = &world.requests[&id];
    let pairs = oracle::pairs(world, policy);
    let locks = pairs.iter().any(|pair| pair.request == id);
    assert_eq!(told.verdict == Verdict::WaitsForLocks, locks, "{}\n{world:#?}", told.text);
    let (labels, last_builder) = (BTreeMap::new(), String::new());
    let bare = Work { labels, slots: 1, last_builder, open: true, draining: false };
    let declared = world.farm.workers.iter().map(|spec| (&spec.name, &bare));
    let unmet = declared.filter(|(name, _)| !world.workers.contains_key(*name));
    let never =
        !world.workers.iter().chain(unmet).any(|(name, w)| oracle::could(world, req, name, w));
    assert_eq!(told.verdict == Verdict::Never, never, "{}\n{world:#?}", told.text);
    let mut named: Vec<&String> = told.workers.iter().flat_map(|g| &g.workers).collect();
    named.sort();
    let all: Vec<&String> = world.workers.keys().collect();
    assert_eq!(named, all, "each worker is in one group: {:?}", told.workers);
    for group in &told.workers {
        for name in &group.workers {
            let could = oracle::could(world, req, name, &world.workers[name]);
            assert_eq!(group.why.is_lasting(), !could, "{name}: {:?}", group.why);
        }
    }
    let mut in_the_way = BTreeMap::new();
    for group in &told.workers {
        let Why::Locks { locks } = &group.why else { continue };
        // What stands for `max_builds` of a builder is no lock that anybody declares.
        let declared = locks.iter().filter(|lock| world.farm.locks.contains_key(*lock));
        let declared: Vec<String> = declared.cloned().collect();
        in_the_way.extend(group.workers.iter().map(|worker| (worker.clone(), declared.clone())));
    }
    assert_eq!(in_the_way, oracle::locks_in_the_way(world, policy, id), "{id}\n{world:#?}");
    let blocked = told.locks.iter().any(|lock| !lock.grantable);
    assert!(blocked || told.verdict != Verdict::WaitsForLocks, "{:?}", told.locks);
}
