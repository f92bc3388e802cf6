//! What the master's process shares with the world: its clock, its disk, and the moment of its
//! death. The store asks here at every place where something can happen to a section.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steading_core::lifecycle::FarmClock;
use steading_core::words::Micros;
use steading_store::{Error, Fate, Hook, Place};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::rng::Rng;

/// When every simulation begins: 2025-01-01, in microseconds.
const EPOCH_US: i64 = 1_735_689_600_000_000;
/// How far the farm's clock may be set forward by a start, in microseconds, before it counts.
const JUMP_US: i64 = 5_000_000;
/// What counts as many sections in one commit.
pub(crate) const BATCH: usize = 3;

/// Where at a commit a master is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// Every section ran, nothing is committed.
    Before,
    /// All is committed, nobody knows.
    After,
    /// In the middle of a group of three or more.
    Inside,
}

impl Cut {
    /// Each of them.
    pub(crate) const ALL: [Cut; 3] = [Cut::Before, Cut::After, Cut::Inside];
}

/// Sections at which a master is still to be killed, and where.
pub type Hunt = BTreeSet<(&'static str, Cut)>;

/// The disk and the clock of the master's machine.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    inner: Arc<Mutex<Inner>>,
    died: Arc<Notify>,
    crowd: Arc<Notify>,
    path: PathBuf,
}

#[derive(Debug)]
struct Inner {
    rng: Rng,
    /// When the present life began, by tokio's clock and by the world's.
    began: Option<(Instant, u64)>,
    /// How wrong the wall clock is.
    skew_us: i64,
    /// The farm's clock, of the present life.
    clock: Option<FarmClock>,
    /// The newest it told, and when by the right time; of any life.
    told: Option<(Micros, Micros)>,
    /// The present life began with a clock that was set forward since the one before.
    jumped: bool,
    dead: bool,
    full: bool,
    slow_ms: u64,
    armed: Option<Cut>,
    hunt: Hunt,
    /// A crowd was called to join the group that is being made up.
    crowded: bool,
    groups: u64,
}

impl Disk {
    /// A machine with a data directory.
    pub(crate) fn new(rng: Rng, path: PathBuf) -> Disk {
        let inner = Inner {
            rng,
            began: None,
            skew_us: 0,
            clock: None,
            told: None,
            jumped: false,
            dead: false,
            full: false,
            slow_ms: 0,
            armed: None,
            hunt: Hunt::new(),
            crowded: false,
            groups: 0,
        };
        let inner = Arc::new(Mutex::new(inner));
        Disk { inner, died: Arc::default(), crowd: Arc::default(), path }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A life begins at this time of the world, and its clock with what the wall says.
    pub(crate) fn begin(&self, world_ms: u64) {
        let mut inner = self.lock();
        (inner.began, inner.dead, inner.armed) = (Some((Instant::now(), world_ms)), false, None);
        inner.crowded = false;
        let (right, ticks) = inner.right();
        let wall = inner.wall(right);
        inner.clock = Some(FarmClock::new(wall, ticks));
        let expected = inner.told.map_or(wall.0, |(told, at)| told.0 + (right.0 - at.0));
        inner.jumped = wall.0 > expected + JUMP_US;
    }

    /// History was written up to this moment: the clock of this life is not set back behind it.
    pub(crate) fn not_before(&self, newest: Micros) {
        if let Some(clock) = &mut self.lock().clock {
            clock.not_before(newest);
        }
    }

    /// What time it is on the farm.
    pub(crate) fn now(&self) -> Micros {
        let mut inner = self.lock();
        let (right, ticks) = inner.right();
        let wall = inner.wall(right);
        let clock = inner.clock.get_or_insert_with(|| FarmClock::new(wall, ticks));
        let told = clock.tell(wall, ticks);
        inner.told = Some((told, right));
        told
    }

    /// Sets the wall clock wrong by so much.
    pub(crate) fn skew(&self, us: i64) {
        self.lock().skew_us = us;
    }

    /// Whether this life began with a clock that was set forward: then much is overdue at once.
    pub(crate) fn has_jumped(&self) -> bool {
        self.lock().jumped
    }

    /// The disk is full, or is not.
    pub(crate) fn full(&self, full: bool) {
        self.lock().full = full;
    }

    /// Reads and commits take up to so long.
    pub(crate) fn slow(&self, ms: u64) {
        self.lock().slow_ms = ms;
    }

    /// The next commit of this kind kills the master.
    pub(crate) fn arm(&self, cut: Cut) {
        self.lock().armed = Some(cut);
    }

    /// Nothing kills it any more.
    pub(crate) fn disarm(&self) {
        self.lock().armed = None;
    }

    /// The master dies now.
    pub(crate) fn kill(&self) {
        self.lock().dead = true;
        self.died.notify_one();
    }

    /// Whether it is dead.
    pub(crate) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// Waits for its death.
    pub(crate) async fn died(&self) {
        while !self.is_dead() {
            self.died.notified().await;
        }
    }

    /// The master is killed once at each of these.
    pub(crate) fn hunt(&self, hunt: Hunt) {
        self.lock().hunt = hunt;
    }

    /// Where it was not killed yet.
    pub(crate) fn unhunted(&self) -> Hunt {
        self.lock().hunt.clone()
    }

    /// Waits until somebody writes: then others write too, so that every commit is a group.
    pub(crate) async fn called(&self) {
        self.crowd.notified().await;
    }

    /// Commits so far, of groups of any size.
    pub(crate) fn groups(&self) -> u64 {
        self.lock().groups
    }

    /// The hook of the master's store.
    pub(crate) fn hook(&self) -> Hook {
        let disk = self.clone();
        Arc::new(move |place| disk.at(place))
    }

    fn at(&self, place: Place<'_>) -> Fate {
        let mut inner = self.lock();
        if inner.dead {
            return Fate::Die;
        }
        if place == Place::Waiting && !inner.hunt.is_empty() && !inner.crowded {
            inner.crowded = true;
            self.crowd.notify_waiters();
            return Fate::Later(Duration::from_millis(1));
        }
        let fate = inner.fate(place, &self.path);
        if fate == Fate::Die {
            inner.dead = true;
            drop(inner);
            self.died.notify_one();
        }
        fate
    }
}

impl Inner {
    /// The right time, and what the machine ticked in this life.
    fn right(&self) -> (Micros, Micros) {
        let (began, world_ms) = self.began.unwrap_or_else(|| (Instant::now(), 0));
        let ticks = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX / 4);
        let world_us = i64::try_from(world_ms).unwrap_or(i64::MAX / 4_000) * 1000;
        (Micros(EPOCH_US + world_us + ticks), Micros(ticks))
    }

    /// What the wall clock says.
    fn wall(&self, right: Micros) -> Micros {
        Micros(right.0 + self.skew_us)
    }

    fn fate(&mut self, place: Place<'_>, path: &std::path::Path) -> Fate {
        if matches!(place, Place::Commit(_)) {
            self.crowded = false;
        }
        match place {
            Place::Read => self.delay(80, 2),
            Place::Waiting => self.delay(250, 3),
            Place::Section(names, index) if index == names.len() / 2 && names.len() >= BATCH => {
                self.cut(Cut::Inside, names)
            }
            Place::Section(..) => Fate::Go,
            Place::Commit(_) if self.full => Fate::Fail(Error::DiskFull { path: path.to_owned() }),
            Place::Commit(names) => self.cut(Cut::Before, names),
            Place::Reply(names) => {
                self.groups += 1;
                self.cut(Cut::After, names)
            }
        }
    }

    fn delay(&mut self, permille: u64, most_ms: u64) -> Fate {
        if self.slow_ms > 0 {
            return Fate::Later(Duration::from_millis(self.rng.below(self.slow_ms)));
        }
        match self.rng.chance(permille) {
            true => Fate::Later(Duration::from_millis(self.rng.below(most_ms + 1))),
            false => Fate::Go,
        }
    }

    fn cut(&mut self, here: Cut, names: &[&'static str]) -> Fate {
        let prey = names.iter().find(|name| self.hunt.contains(&(**name, here)));
        if let Some(name) = prey {
            self.hunt.remove(&(*name, here));
            return Fate::Die;
        }
        if self.armed != Some(here) {
            return Fate::Go;
        }
        self.armed = None;
        Fate::Die
    }
}
