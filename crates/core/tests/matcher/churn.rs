//! Random worlds: narrow ranges so that ties dominate, churn of every kind, and each decision
//! compared with the oracle's.

use std::collections::BTreeMap;

use steading_core::farm::{Direction, LockCapacity};
use steading_core::matcher::{HoldingId, Matcher, Start};
use steading_core::words::{Micros, RequestId, Value};

use crate::in_order::{self, Next};
use crate::lend;
use crate::oracle;
use crate::policy::{Allow, Kind, TestPolicy};
use crate::waits::some_order;
use crate::world::{World, counting, exclusive};
use crate::written::Written;

/// Things that happen to one world.
const STEPS: usize = 60;

/// What builders require, and which workers they name.
const REQUIRES: [&[(&str, &str)]; 5] =
    [&[], &[], &[("os", "linux")], &[("os", "mac")], &[("spot", "yes")]];
const WORKERS: [&[&str]; 4] = [&[], &[], &["w[012]"], &["w1", "w3"]];

pub(crate) const LOCKS: [&str; 3] = ["gpu", "net", "disk"];

/// SplitMix64: small, seeded, the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    pub(crate) fn up_to(&mut self, max: i64) -> i64 {
        i64::try_from(self.roll(max.unsigned_abs() + 1)).expect("small")
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.roll(from.len() as u64);
        &from[usize::try_from(at).expect("small")]
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }
}

pub(crate) fn policy(dice: &mut Dice) -> Written {
    let terms = (0..=dice.roll(3)).map(|_| {
        let direction = if dice.one_in(2) { Direction::Highest } else { Direction::Lowest };
        // Mixed types and faults are seldom, or nothing else would be tested.
        let kind = match *dice.pick(&Kind::ALL) {
            Kind::Mixed | Kind::Fails if !dice.one_in(3) => Kind::Priority,
            kind => kind,
        };
        (kind, direction)
    });
    let mut terms: Vec<_> = terms.collect();
    if dice.one_in(3) {
        terms.insert(0, (Kind::Overdue, Direction::Lowest));
    }
    // Not rolled for: so that the worlds of old seeds are what they were.
    let backfills = dice.0.is_multiple_of(2);
    TestPolicy::new(*dice.pick(&Allow::ALL), terms).backfills(backfills).into()
}

pub(crate) fn world(dice: &mut Dice) -> World {
    let mut world = World { now: 1_000, ..World::default() };
    for name in LOCKS {
        lock(&mut world, dice, name);
    }
    for b in 0..=dice.roll(4) {
        let mut locks = Vec::new();
        for lock in LOCKS {
            match dice.roll(5) {
                0 => locks.push(counting(lock, 1 + dice.up_to(1))),
                1 => locks.push(exclusive(lock)),
                _ => {}
            }
        }
        let (requires, workers) = (dice.pick(&REQUIRES), dice.pick(&WORKERS));
        world.builder(&format!("b{b}"), requires, workers, locks);
    }
    limits(&mut world, dice);
    for w in 0..=dice.roll(4) {
        join(&mut world, dice, &format!("w{w}"));
    }
    world
}

/// Locks of which much is left while somebody waits for all of it: room for many builds, all of
/// which want some.
fn crowd(world: &mut World, luck: &mut Dice) {
    for lock in world.farm.locks.values_mut() {
        let units = 2 + luck.up_to(3);
        lock.capacity = match lock.per_worker {
            false => LockCapacity::Units(units),
            true => {
                let by = [("*".to_owned(), units), ("w0".to_owned(), 1 + luck.up_to(4))];
                LockCapacity::ByWorker(BTreeMap::from(by))
            }
        };
    }
    for b in 0..5 {
        let mut locks = Vec::new();
        for lock in LOCKS {
            match luck.roll(6) {
                0 if b < 2 => locks.push(exclusive(lock)),
                0 | 1 => locks.push(counting(lock, 1 + luck.up_to(2))),
                2 => locks.push(counting(lock, 1)),
                _ => {}
            }
        }
        if locks.is_empty() {
            locks.push(counting(luck.pick::<&str>(&LOCKS), 1));
        }
        let requires = if luck.one_in(5) { *luck.pick(&REQUIRES) } else { &[] };
        world.builder(&format!("b{b}"), requires, &[], locks);
    }
    for w in 0..=luck.roll(4) {
        world.worker(&format!("w{w}"), 2 + luck.up_to(3), &[("os", "linux")]);
    }
}

fn backfill_of(start: &Option<Start>) -> bool {
    matches!(start, Some(Start::Build(found)) if found.backfill.is_some())
}

/// The same policy, backfilling nearly always.
fn lending(lends: bool, written: Written, dice: &mut Dice) -> Written {
    if lends && !dice.one_in(10) { written.backfilling() } else { written }
}

/// What is known of a builder's durations, if anything is.
fn some_pace(world: &mut World, luck: &mut Dice, builder: &str) {
    if luck.one_in(4) {
        world.paces.remove(builder);
    } else {
        let pace = (luck.up_to(30), luck.up_to(9));
        world.paces.insert(builder.to_owned(), pace);
    }
}

/// How many builds may run at once of some builders, and on some workers.
fn limits(world: &mut World, dice: &mut Dice) {
    let limit = |dice: &mut Dice| dice.one_in(4).then(|| 1 + dice.up_to(1));
    for builder in world.farm.builders.values_mut() {
        builder.max_builds = limit(dice);
    }
    for w in 0..5 {
        world.limit(&format!("w{w}"), limit(dice));
    }
}

fn lock(world: &mut World, dice: &mut Dice, name: &str) {
    if name == "disk" {
        let by = [("*".to_owned(), dice.up_to(2)), ("w0".to_owned(), 1 + dice.up_to(2))];
        world.lock(name, true, LockCapacity::ByWorker(BTreeMap::from(by)));
    } else {
        let most = if name == "gpu" { 2 } else { 1 };
        world.lock(name, false, LockCapacity::Units(1 + dice.up_to(most)));
    }
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
    if dice.one_in(2) {
        let work = world.workers.get_mut(name).expect("just joined");
        work.labels.insert("speed".to_owned(), Value::Int(dice.up_to(2)));
    }
}

fn submit(world: &mut World, dice: &mut Dice) -> i64 {
    let builders: Vec<String> = world.farm.builders.keys().cloned().collect();
    let workers: Vec<String> = world.workers.keys().cloned().collect();
    let priority = dice.up_to(2);
    let builder = dice.pick(&builders).clone();
    let id = world.request(&builder, priority);
    let req = world.requests.get_mut(&id).expect("just added");
    req.branch = (*dice.pick(&["main", "main", "release", "bad"])).to_owned();
    req.submitted = world.now / 1_000 * 1_000 - 400 * dice.up_to(2);
    req.size = dice.up_to(2);
    req.start_by = dice.one_in(3).then(|| req.submitted + 500 * dice.up_to(4));
    if dice.one_in(6) && !workers.is_empty() {
        req.pinned = Some(dice.pick(&workers).clone());
    }
    id
}

/// A world, and a matcher that is told of everything that happens to it.
pub(crate) struct Farm {
    pub(crate) dice: Dice,
    pub(crate) policy: Written,
    /// What writes the policy of each configuration.
    write: fn(&mut Dice) -> Written,
    pub(crate) world: World,
    pub(crate) matcher: Matcher,
    /// Whether new classes are looked at in slices of a few pairs.
    pub(crate) slices: bool,
    /// By run.
    holdings: Vec<HoldingId>,
    /// Whether steps of builds want locks of their own, and in which order of locks.
    pub(crate) steps: bool,
    pub(crate) lock_order: Vec<&'static str>,
    /// For what became known of durations.
    luck: Dice,
    /// Whether it is made for backfill.
    lends: bool,
}

/// Decisions compared, those of them that were matches, and how often nothing could start.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) decisions: u64,
    pub(crate) matches: u64,
    pub(crate) idle: u64,
    /// Decisions made while steps waited for locks.
    pub(crate) with_steps: u64,
    /// Steps that got their locks.
    pub(crate) granted: u64,
    /// Decisions that fell to backfill, and matches that came of it.
    pub(crate) asked_to_lend: u64,
    pub(crate) backfilled: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.decisions += other.decisions;
        self.matches += other.matches;
        self.idle += other.idle;
        self.with_steps += other.with_steps;
        self.granted += other.granted;
        self.asked_to_lend += other.asked_to_lend;
        self.backfilled += other.backfilled;
    }
}

/// Lets one world live and compares every decision.
pub(crate) fn compare(farm: &mut Farm, seed: u64) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for _ in 0..STEPS {
        farm.churn();
        if !farm.dice.one_in(4) {
            continue;
        }
        // The store would have refused one in ten.
        while let Some(found) = farm.decide(seed, &mut tally)? {
            if farm.dice.one_in(10) {
                break;
            }
            farm.carry_out(&found);
        }
    }
    farm.drain(seed, &mut tally)?;
    Ok(tally)
}

impl Farm {
    pub(crate) fn new(seed: u64) -> Farm {
        Farm::under(seed, policy)
    }

    /// A farm whose policies are written so.
    pub(crate) fn under(seed: u64, write: fn(&mut Dice) -> Written) -> Farm {
        Farm::made(seed, write, false)
    }

    /// A farm where much waits for locks of which some are left, and nearly all policies backfill.
    pub(crate) fn lending(seed: u64, write: fn(&mut Dice) -> Written) -> Farm {
        Farm::made(seed, write, true)
    }

    fn made(seed: u64, write: fn(&mut Dice) -> Written, lends: bool) -> Farm {
        let mut dice = Dice(seed);
        let policy = lending(lends, write(&mut dice), &mut dice);
        let mut world = world(&mut dice);
        let mut luck = Dice(seed ^ 0xBACF_111E);
        if lends {
            crowd(&mut world, &mut luck);
        }
        for builder in world.farm.builders.keys().cloned().collect::<Vec<_>>() {
            some_pace(&mut world, &mut luck, &builder);
        }
        let (mut matcher, slices, steps) = (world.matcher(), dice.one_in(3), dice.one_in(2));
        // As many classes as a farm has in years are gone within a few decisions.
        let mut kept = Dice(seed ^ 0x4E97_71E5);
        if !kept.one_in(3) {
            matcher.keep_empty_classes(kept.roll(4) as usize);
        }
        let (holdings, lock_order) = (Vec::new(), some_order(&mut dice));
        let mut farm = Farm {
            dice,
            policy,
            write,
            world,
            matcher,
            slices,
            holdings,
            steps,
            lock_order,
            luck,
            lends,
        };
        for _ in 0..if lends { 12 } else { 0 } {
            farm.submits();
        }
        farm
    }

    pub(crate) fn now(&self) -> Micros {
        Micros(self.world.now)
    }

    /// One thing happens, and the matcher is told.
    pub(crate) fn churn(&mut self) {
        if self.luck.one_in(8) {
            self.learn();
        }
        match self.dice.roll(if self.steps { 34 } else { 19 }) {
            0..=5 => self.submits(),
            6..=10 if !self.world.runs.is_empty() => self.end_some_run(),
            11 => {
                let Some(id) = self.some_request() else { return };
                self.world.requests.remove(&id);
                self.matcher.remove_request(RequestId(id));
            }
            12 => {
                let Some(id) = self.some_request() else { return };
                let priority = self.dice.up_to(2);
                self.world.requests.get_mut(&id).expect("pending").priority = priority;
                self.matcher.add_request(self.world.candidate(id));
            }
            13 => self.join_or_leave(),
            14 => self.worker_changes(),
            19.. => self.steps_change(),
            15..=17 => self.world.now += 300 * self.dice.up_to(3),
            _ => match self.dice.roll(8) {
                0 => self.tell_all_again(),
                1 => self.reconfigure(),
                2 => {
                    self.reconfigure();
                    self.tell_all_again();
                }
                _ => {}
            },
        }
    }

    fn submits(&mut self) {
        let id = submit(&mut self.world, &mut self.dice);
        self.matcher.add_request(self.world.candidate(id));
    }

    /// Builds of a builder usually take another time than was known, or one that runs does.
    fn learn(&mut self) {
        if self.luck.one_in(2) {
            let builders: Vec<String> = self.world.farm.builders.keys().cloned().collect();
            let builder = self.luck.pick(&builders).clone();
            some_pace(&mut self.world, &mut self.luck, &builder);
            self.world.tell_pace(&mut self.matcher, &builder);
        } else if !self.world.runs.is_empty() {
            let at = usize::try_from(self.luck.roll(self.world.runs.len() as u64)).expect("small");
            let ends = self.world.now + 400 * self.luck.up_to(40) - 600;
            self.world.runs[at].ends = (!self.luck.one_in(4)).then_some(ends);
            self.matcher.expect(self.holdings[at], self.world.runs[at].ends.map(Micros));
        }
    }

    fn end_some_run(&mut self) {
        let at = usize::try_from(self.dice.roll(self.world.runs.len() as u64)).expect("small");
        match self.dice.roll(6) {
            // The last step ended: locks are free, the slot is not.
            0 => {
                self.wait_no_more(self.world.runs[at].request);
                self.world.runs[at].locks.clear();
                self.world.runs[at].runs = None;
            }
            // The slot is free first, where a step kept a lock longer.
            1 if self.world.runs[at].slot => self.world.runs[at].slot = false,
            _ => return self.end(at),
        }
        self.matcher.release(self.holdings[at]);
        self.holdings[at] = self.world.tell_run(&mut self.matcher, at);
    }

    /// A build ends, whatever its step waits for; or a step does.
    pub(crate) fn end(&mut self, at: usize) {
        self.matcher.release(self.holdings.remove(at));
        let ended = self.world.runs.remove(at);
        self.wait_no_more(ended.request);
    }

    fn wait_no_more(&mut self, request: i64) {
        self.world.waiting.retain(|_, waits| waits.request != request);
        self.world.tell_waiting(&mut self.matcher);
    }

    fn join_or_leave(&mut self) {
        let name = format!("w{}", self.dice.roll(5));
        let known = self.world.workers.contains_key(&name);
        if known && self.world.workers.len() > 1 && self.dice.one_in(2) {
            self.world.workers.remove(&name);
            self.matcher.remove_worker(&name);
        } else {
            join(&mut self.world, &mut self.dice, &name);
            self.world.tell_worker(&mut self.matcher, &name);
        }
    }

    fn worker_changes(&mut self) {
        let names: Vec<String> = self.world.workers.keys().cloned().collect();
        let name = self.dice.pick(&names).clone();
        let builders: Vec<String> = self.world.farm.builders.keys().cloned().collect();
        let work = self.world.workers.get_mut(&name).expect("known");
        if self.dice.one_in(2) {
            work.open = !work.open;
            work.draining = self.dice.one_in(2);
        } else {
            work.last_builder = self.dice.pick(&builders).clone();
        }
        self.world.tell_worker(&mut self.matcher, &name);
    }

    /// Another policy, and other capacities of locks that nobody holds.
    fn reconfigure(&mut self) {
        self.policy = lending(self.lends, (self.write)(&mut self.dice), &mut self.dice);
        for name in LOCKS {
            if self.lends {
                break;
            }
            let mut held = self.world.runs.iter().flat_map(|run| &run.locks);
            if held.all(|held| held.lock != name) && self.dice.one_in(2) {
                lock(&mut self.world, &mut self.dice, name);
            }
        }
        if self.dice.one_in(2) {
            limits(&mut self.world, &mut self.dice);
        }
        self.matcher.reconfigure(&self.world.farm);
    }

    /// As after a restart, or where events are not followed.
    fn tell_all_again(&mut self) {
        self.matcher.clear();
        for id in self.world.requests.keys() {
            self.matcher.add_request(self.world.candidate(*id));
        }
        for name in self.world.workers.keys() {
            self.world.tell_worker(&mut self.matcher, name);
        }
        let runs = 0..self.world.runs.len();
        self.holdings = runs.map(|run| self.world.tell_run(&mut self.matcher, run)).collect();
        self.world.tell_waiting(&mut self.matcher);
    }

    fn some_request(&mut self) -> Option<i64> {
        let ids: Vec<i64> = self.world.requests.keys().copied().collect();
        (!ids.is_empty()).then(|| *self.dice.pick(&ids))
    }

    /// The world without the requests and workers whose classes the matcher did not see in full:
    /// what a decision is exact over.
    fn seen(&self) -> World {
        let mut seen = self.world.clone();
        if self.matcher.is_looking() {
            seen.requests.retain(|id, _| !self.matcher.is_request_unseen(RequestId(*id)));
            for (name, work) in &mut seen.workers {
                if self.matcher.is_worker_unseen(name) {
                    // Steps there go on.
                    work.draining |= work.open;
                    work.open = false;
                }
            }
        }
        seen
    }

    /// Asks both for the next decision.
    pub(crate) fn decide(&mut self, seed: u64, tally: &mut Tally) -> Result<Option<Start>, String> {
        let now = self.now();
        if self.slices {
            self.matcher.look_at(usize::try_from(self.dice.roll(6)).expect("small"));
        }
        let found = self.matcher.next_start(self.policy.policy.as_ref(), now);
        let told = found.as_ref().map(|start| match start {
            Start::Build(found) => Next::Build(found.request.0, found.worker.clone()),
            Start::Step(step) => Next::Step(step.0),
        });
        let seen = self.seen();
        let right = if seen.waiting.is_empty() {
            oracle::best(&seen, &self.policy).map(|pair| Next::Build(pair.request, pair.worker))
        } else {
            in_order::next(&seen, &self.policy)
        };
        let by_order = right.is_some() || self.matcher.is_mixed();
        let right = if by_order { right } else { lend::lent(&seen, &self.policy) };
        let backfilled = backfill_of(&found);
        tally.backfilled += u64::from(backfilled);
        tally.asked_to_lend += u64::from(!by_order && self.policy.policy.backfills());
        if told != right {
            let (policy, world) = (&self.policy.text, &self.world);
            return Err(format!("seed {seed}: {told:?}, not {right:?}: {policy}\n{world:#?}"));
        }
        if backfilled != (!by_order && right.is_some()) {
            return Err(format!("seed {seed}: backfilled is {backfilled}: {told:?}"));
        }
        if self.dice.one_in(8) && !self.matcher.is_looking() {
            let mut matcher = self.world.matcher();
            let anew = matcher.next_start(self.policy.policy.as_ref(), now);
            // One that once met values of two types backfills nothing until it forms classes anew.
            let may_differ = backfill_of(&anew) && self.matcher.is_mixed() && !matcher.is_mixed();
            if anew != found && !may_differ {
                return Err(format!("seed {seed}: told anew {anew:?}, told in order {found:?}"));
            }
        }
        self.keeps_promises(&seen, told.as_ref()).map_err(|why| format!("seed {seed}: {why}"))?;
        tally.decisions += 1;
        tally.with_steps += u64::from(!seen.waiting.is_empty());
        match found {
            None => tally.idle += 1,
            Some(Start::Build(_)) => tally.matches += 1,
            Some(Start::Step(_)) => tally.granted += 1,
        }
        Ok(found)
    }

    pub(crate) fn carry_out(&mut self, found: &Start) {
        match found {
            Start::Build(found) => {
                self.holdings.extend(self.matcher.take(found));
                self.world.start(found.request.0, &found.worker);
            }
            Start::Step(step) => {
                self.holdings.extend(self.matcher.grant(*step));
                self.world.grant(step.0);
            }
        }
        self.world.assert_sound();
    }
}
