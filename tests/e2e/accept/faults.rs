//! What goes wrong: drawn from a seed, done to real processes and links, and healed in the end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::far::Far;
use super::proxy::State;
use super::random::Random;
use crate::farm::Farm;

/// Between two deaths of the master.
const MASTER_MS: (u64, u64) = (2_000, 5_000);
/// How long it is away.
const AWAY_MS: (u64, u64) = (0, 1_500);
/// Between two other faults.
const FAULT_MS: (u64, u64) = (300, 1_500);
/// How long a worker stands still, and a link is cut or silent: also beyond the ten seconds after
/// which either side gives a silent link up.
const FREEZE_MS: (u64, u64) = (500, 15_000);
const CUT_MS: (u64, u64) = (200, 8_000);

/// What ends a fault, later.
enum Heal {
    Thaw(PathBuf),
    Link(usize),
}

/// A farm to which things happen.
pub(super) struct Faults<'a> {
    pub(super) farm: &'a mut Farm,
    pub(super) fars: Vec<Far>,
    near: Vec<String>,
    random: Random,
    heals: Vec<(Instant, Heal)>,
    master_dies: Instant,
    master_returns: Option<Instant>,
    next: Instant,
    /// How often what was done.
    pub(super) done: BTreeMap<&'static str, u32>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(
        farm: &'a mut Farm,
        near: Vec<String>,
        fars: Vec<Far>,
        seed: u64,
    ) -> Faults<'a> {
        let (mut random, now) = (Random::new(seed), Instant::now());
        let master_dies = now + random.millis(MASTER_MS.0, MASTER_MS.1);
        let (heals, done) = (Vec::new(), BTreeMap::new());
        let master_returns = None;
        Faults { farm, fars, near, random, heals, master_dies, master_returns, next: now, done }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        self.master(now);
        self.heal(|at| at <= now);
        for far in &mut self.fars {
            far.revive(self.farm);
        }
        if self.next <= now {
            self.next = now + self.random.millis(FAULT_MS.0, FAULT_MS.1);
            self.fault(now);
        }
    }

    fn master(&mut self, now: Instant) {
        match self.master_returns {
            Some(at) if at <= now => {
                self.farm.up();
                self.master_returns = None;
                let lives = self.random.millis(MASTER_MS.0, MASTER_MS.1);
                self.master_dies = Instant::now() + lives;
            }
            None if self.master_dies <= now => {
                self.farm.kill9();
                self.count("master killed");
                self.master_returns = Some(now + self.random.millis(AWAY_MS.0, AWAY_MS.1));
            }
            _ => {}
        }
    }

    fn fault(&mut self, now: Instant) {
        let far = self.random.below(self.fars.len());
        let home = self.home();
        match self.random.below(8) {
            0..=2 => self.kill(&home.join("lock"), "daemon killed"),
            3 => self.kill(&home.join("slots/1/lock"), "shepherd killed"),
            4 | 5 => {
                let spell = self.random.millis(FREEZE_MS.0, FREEZE_MS.1);
                let lock = home.join("lock");
                if self.farm.signal_ours(&lock, Signal::STOP).is_some() {
                    self.count("daemon frozen");
                    self.heals.push((now + spell, Heal::Thaw(lock)));
                }
            }
            6 => self.link(now, far, State::Cut, CUT_MS, "link cut"),
            _ => self.link(now, far, State::Silent, FREEZE_MS, "link silent"),
        }
    }

    /// The directory of some worker.
    fn home(&mut self) -> PathBuf {
        let number = self.random.below(self.near.len() + self.fars.len());
        match self.near.get(number) {
            Some(name) => self.farm.data().join("workers").join(name),
            None => Far::home(self.farm, &self.fars[number - self.near.len()].name),
        }
    }

    fn kill(&mut self, lock: &std::path::Path, what: &'static str) {
        if self.farm.signal_ours(lock, Signal::KILL).is_some() {
            self.count(what);
        }
    }

    fn link(&mut self, now: Instant, far: usize, state: State, ms: (u64, u64), what: &'static str) {
        self.fars[far].proxy.set(state);
        self.count(what);
        self.heals.push((now + self.random.millis(ms.0, ms.1), Heal::Link(far)));
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    fn heal(&mut self, is_due: impl Fn(Instant) -> bool) {
        for (_, heal) in self.heals.extract_if(.., |(at, _)| is_due(*at)) {
            match heal {
                Heal::Thaw(lock) => drop(self.farm.signal_ours(&lock, Signal::CONT)),
                Heal::Link(far) => self.fars[far].proxy.set(State::Whole),
            }
        }
    }

    /// Everything is well again; answers the workers that dial from elsewhere, and what was done.
    pub(super) fn end(mut self) -> (Vec<Far>, BTreeMap<&'static str, u32>) {
        self.heal(|_| true);
        if self.master_returns.is_some() {
            self.farm.up();
        }
        for far in &mut self.fars {
            far.revive(self.farm);
        }
        (self.fars, self.done)
    }
}

/// How long a look at the clock is good for.
pub(super) const TICK: Duration = Duration::from_millis(10);
