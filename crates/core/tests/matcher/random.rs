//! Random worlds: narrow ranges so that ties dominate, and churn of every kind.

use std::collections::BTreeMap;

use steading_core::farm::{Direction, LockCapacity};
use steading_core::matcher::{Matcher, Verdict};
use steading_core::words::{Micros, RequestId};

use crate::oracle;
use crate::policy::{Allow, Kind, TestPolicy};
use crate::world::{World, counting, exclusive};

/// Worlds per run; each makes some 20 decisions.
const WORLDS: u64 = 1_200;
const STEPS: usize = 60;
const NOW: Micros = Micros(1_000);

/// What builders require, and which workers they name.
const REQUIRES: [&[(&str, &str)]; 5] =
    [&[], &[], &[("os", "linux")], &[("os", "mac")], &[("spot", "yes")]];
const WORKERS: [&[&str]; 4] = [&[], &[], &["w[012]"], &["w1", "w3"]];

/// SplitMix64: small, seeded, the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn up_to(&mut self, max: i64) -> i64 {
        i64::try_from(self.roll(max.unsigned_abs() + 1)).expect("small")
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.roll(from.len() as u64);
        &from[usize::try_from(at).expect("small")]
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }
}

fn policy(dice: &mut Dice) -> TestPolicy {
    let terms = (0..=dice.roll(3)).map(|_| {
        let direction = if dice.one_in(2) { Direction::Highest } else { Direction::Lowest };
        // Mixed types and faults are seldom, or nothing else would be tested.
        let kind = match *dice.pick(&Kind::ALL) {
            Kind::Mixed | Kind::Fails if !dice.one_in(3) => Kind::Priority,
            kind => kind,
        };
        (kind, direction)
    });
    let terms = terms.collect();
    TestPolicy::new(*dice.pick(&Allow::ALL), terms)
}

fn world(dice: &mut Dice) -> World {
    let mut world = World::default();
    let by = |dice: &mut Dice| {
        let by = [("*".to_owned(), dice.up_to(2)), ("w0".to_owned(), 1 + dice.up_to(2))];
        LockCapacity::ByWorker(BTreeMap::from(by))
    };
    world.lock("gpu", false, LockCapacity::Units(1 + dice.up_to(2)));
    world.lock("net", false, LockCapacity::Units(1 + dice.up_to(1)));
    let capacity = by(dice);
    world.lock("disk", true, capacity);
    for b in 0..=dice.roll(4) {
        let mut locks = Vec::new();
        for lock in ["gpu", "net", "disk"] {
            match dice.roll(5) {
                0 => locks.push(counting(lock, 1 + dice.up_to(1))),
                1 => locks.push(exclusive(lock)),
                _ => {}
            }
        }
        let (requires, workers) = (dice.pick(&REQUIRES), dice.pick(&WORKERS));
        world.builder(&format!("b{b}"), requires, workers, locks);
    }
    for w in 0..=dice.roll(4) {
        join(&mut world, dice, &format!("w{w}"));
    }
    world
}

fn join(world: &mut World, dice: &mut Dice, name: &str) {
    let mut labels = vec![("os", if dice.one_in(3) { "mac" } else { "linux" })];
    if dice.one_in(3) {
        labels.push(("spot", "yes"));
    }
    if dice.one_in(3) {
        labels.push(("fast", "yes"));
    }
    // A worker that comes back under its name has no fewer slots than it has builds.
    let slots = world.busy(name).max(1 + dice.up_to(2));
    world.worker(name, slots, &labels);
}

fn submit(world: &mut World, dice: &mut Dice) -> i64 {
    let builders: Vec<String> = world.farm.builders.keys().cloned().collect();
    let workers: Vec<String> = world.workers.keys().cloned().collect();
    let priority = dice.up_to(2);
    let builder = dice.pick(&builders).clone();
    let id = world.request(&builder, priority);
    let req = world.requests.get_mut(&id).expect("just added");
    req.branch = (*dice.pick(&["main", "main", "release", "bad"])).to_owned();
    req.submitted = dice.up_to(2);
    req.size = dice.up_to(2);
    if dice.one_in(6) && !workers.is_empty() {
        req.pinned = Some(dice.pick(&workers).clone());
    }
    id
}

/// One thing happens to the world, and the matcher is told.
fn churn(world: &mut World, matcher: &mut Matcher, dice: &mut Dice) {
    match dice.roll(15) {
        0..=5 => {
            let id = submit(world, dice);
            matcher.add_request(world.candidate(id));
        }
        6..=10 if !world.runs.is_empty() => {
            let at = dice.roll(world.runs.len() as u64);
            let at = usize::try_from(at).expect("small");
            match dice.roll(6) {
                // The last step ended: locks are free, the slot is not.
                0 => world.runs[at].locks.clear(),
                // The slot is free first, where a step kept a lock longer.
                1 if world.runs[at].slot => world.runs[at].slot = false,
                _ => drop(world.runs.remove(at)),
            }
            matcher.set_holdings(world.holdings());
        }
        11 => {
            let Some(id) = some_request(world, dice) else { return };
            world.requests.remove(&id);
            matcher.remove_request(RequestId(id));
        }
        12 => {
            let Some(id) = some_request(world, dice) else { return };
            world.requests.get_mut(&id).expect("pending").priority = dice.up_to(2);
            matcher.add_request(world.candidate(id));
        }
        13 => {
            let name = format!("w{}", dice.roll(5));
            if world.workers.contains_key(&name) && world.workers.len() > 1 && dice.one_in(2) {
                world.workers.remove(&name);
                matcher.remove_worker(&name);
            } else {
                join(world, dice, &name);
                world.tell_worker(matcher, &name);
            }
        }
        14 => {
            let names: Vec<String> = world.workers.keys().cloned().collect();
            let name = dice.pick(&names).clone();
            let builders: Vec<String> = world.farm.builders.keys().cloned().collect();
            let work = world.workers.get_mut(&name).expect("known");
            if dice.one_in(2) {
                work.open = !work.open;
            } else {
                work.last_builder = dice.pick(&builders).clone();
            }
            world.tell_worker(matcher, &name);
        }
        _ => {}
    }
}

fn some_request(world: &World, dice: &mut Dice) -> Option<i64> {
    let ids: Vec<i64> = world.requests.keys().copied().collect();
    (!ids.is_empty()).then(|| *dice.pick(&ids))
}

/// Asks both for the next decision; carries it out unless the store would have refused it.
fn decide(
    world: &mut World,
    matcher: &mut Matcher,
    (policy, dice): (&TestPolicy, &mut Dice),
    seed: u64,
) -> bool {
    let found = matcher.next(policy, NOW);
    let expected = oracle::best(world, policy);
    let told = found.as_ref().map(|m| (m.request.0, m.worker.clone()));
    let right = expected.map(|p| (p.request, p.worker));
    assert_eq!(told, right, "seed {seed}: {policy:?}\n{world:#?}");
    if dice.one_in(8) {
        let anew = world.matcher().next(policy, NOW);
        assert_eq!(anew, found, "seed {seed}: the order of telling must not matter");
    }
    let Some(found) = found else { return false };
    if dice.one_in(10) {
        return false;
    }
    matcher.take(&found);
    world.start(found.request.0, &found.worker);
    world.assert_sound();
    true
}

#[test]
fn every_decision_is_the_oracles() {
    let (mut decisions, mut matches, mut idle) = (0_u64, 0_u64, 0_u64);
    for seed in 0..WORLDS {
        let mut dice = Dice(seed);
        let policy = policy(&mut dice);
        let mut world = world(&mut dice);
        let mut matcher = world.matcher();
        for _ in 0..STEPS {
            churn(&mut world, &mut matcher, &mut dice);
            if !dice.one_in(4) {
                continue;
            }
            loop {
                decisions += 1;
                if !decide(&mut world, &mut matcher, (&policy, &mut dice), seed) {
                    idle += 1;
                    break;
                }
                matches += 1;
            }
        }
    }
    assert!(decisions >= 20_000, "only {decisions} decisions were compared");
    assert!(matches >= 8_000 && idle >= 8_000, "lopsided worlds: {matches} matches, {idle} idle");
}

/// At rest, the explanation of every waiting request agrees with the oracle.
#[test]
fn every_explanation_agrees_with_the_oracle() {
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..400 {
        let mut dice = Dice(seed ^ 0xE0);
        let policy = policy(&mut dice);
        let mut world = world(&mut dice);
        let mut matcher = world.matcher();
        for _ in 0..30 {
            churn(&mut world, &mut matcher, &mut dice);
        }
        let before = matcher.clone();
        let mut started = Vec::new();
        while let Some(found) = matcher.next(&policy, NOW) {
            matcher.take(&found);
            world.start(found.request.0, &found.worker);
            started.push(found);
        }
        for (after, found) in started.iter().enumerate() {
            let told = before.explain(found.request, &policy, NOW).expect("it was pending");
            let expected = Verdict::Next { worker: found.worker.clone(), after };
            assert_eq!(told.verdict, expected, "seed {seed}: {}", told.text);
        }
        let order = matcher.order(&policy);
        assert_eq!(order.len(), world.requests.len());
        for (place, id) in order.iter().enumerate() {
            let told = matcher.explain(*id, &policy, NOW).expect("it is pending");
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

fn agrees(world: &World, policy: &TestPolicy, told: &steading_core::matcher::Explanation) {
    let id = told.request.0;
    let req = &world.requests[&id];
    let pairs = oracle::pairs(world, policy);
    let locks = pairs.iter().any(|pair| pair.request == id);
    assert_eq!(told.verdict == Verdict::WaitsForLocks, locks, "{}\n{world:#?}", told.text);
    let never = !world.workers.iter().any(|(name, w)| oracle::could(world, req, name, w));
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
    let blocked = told.locks.iter().any(|lock| !lock.grantable);
    assert!(blocked || told.verdict != Verdict::WaitsForLocks, "{:?}", told.locks);
}
