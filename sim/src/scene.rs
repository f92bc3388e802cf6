//! What a run is about: the usual chances of a day, or troubles put together so that what happens
//! seldom happens often.

use crate::fault::{self, Fault, Kind};
use crate::rng::Rng;

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Anything, by chance.
    Day,
    /// Workers are away for longer than the farm's patience, and come back.
    Away,
    /// Offers do not arrive, or nobody answers.
    Unheard,
    /// Workers go while the disk is full, so that nobody can write it down.
    Unrecorded,
    /// Masters and workers are stopped by people.
    Stops,
    /// All workers fail together.
    Power,
    /// A farm that uses everything, reloaded again and again.
    Rich,
}

impl Scene {
    /// Those beside the usual.
    pub(crate) const DIRECTED: [Scene; 6] =
        [Scene::Away, Scene::Unheard, Scene::Unrecorded, Scene::Stops, Scene::Power, Scene::Rich];

    /// What goes wrong in it.
    pub(crate) fn faults(
        self,
        rng: &mut Rng,
        most: u64,
        machines: usize,
        horizon_ms: u64,
    ) -> Vec<Fault> {
        let mut faults = match self {
            Scene::Day => return fault::draw(rng, most, machines, horizon_ms),
            Scene::Away => away(rng, machines),
            Scene::Unheard => unheard(rng, machines, horizon_ms),
            Scene::Unrecorded => unrecorded(rng, machines, horizon_ms),
            Scene::Stops => stops(rng, machines, horizon_ms),
            Scene::Power => power(rng, machines),
            Scene::Rich => rich(rng, machines, horizon_ms),
        };
        faults.sort_by_key(|fault| fault.at_ms);
        faults
    }
}

fn some(rng: &mut Rng, machines: usize) -> usize {
    usize::try_from(rng.below(machines as u64)).unwrap_or_default()
}

fn away(rng: &mut Rng, machines: usize) -> Vec<Fault> {
    let together = rng.chance(500).then(|| rng.range(10_000, 90_000));
    let one = |machine| {
        let at_ms = together.unwrap_or_else(|| rng.range(5_000, 120_000));
        let ms = rng.range(80_000, 150_000);
        Fault { at_ms, kind: Kind::Partition { machine, to_master: true, to_machine: true, ms } }
    };
    // With somebody left, what is lost goes on elsewhere before its worker comes back.
    let away = if together.is_some() { machines } else { machines - 1 };
    (0..away).map(one).collect()
}

fn unheard(rng: &mut Rng, machines: usize, horizon_ms: u64) -> Vec<Fault> {
    let one = |_| {
        let (at_ms, machine) = (rng.below(horizon_ms), some(rng, machines));
        let kind = match rng.below(4) {
            0 => Kind::DaemonDies { machine, down_ms: rng.range(1, 3_000) },
            1 => Kind::SlowLink { machine, ms: rng.range(5_000, 40_000) },
            _ => {
                let ms = rng.range(500, 25_000);
                Kind::Partition { machine, to_master: false, to_machine: true, ms }
            }
        };
        Fault { at_ms, kind }
    };
    (0..30).map(one).collect()
}

fn unrecorded(rng: &mut Rng, machines: usize, horizon_ms: u64) -> Vec<Fault> {
    let pair = |_| {
        let (at_ms, machine) = (rng.below(horizon_ms), some(rng, machines));
        let (ms, later) = (rng.range(1_000, 4_000), rng.range(20, 900));
        let dies = Kind::DaemonDies { machine, down_ms: rng.range(4_000, 9_000) };
        [Fault { at_ms, kind: Kind::DiskFull { ms } }, Fault { at_ms: at_ms + later, kind: dies }]
    };
    (0..15).flat_map(pair).collect()
}

fn stops(rng: &mut Rng, machines: usize, horizon_ms: u64) -> Vec<Fault> {
    let some_of = |_| {
        let (at_ms, machine) = (rng.below(horizon_ms), some(rng, machines));
        let kind = match rng.below(8) {
            0 | 1 => Kind::MasterStops { down_ms: rng.range(1, 2_000), cancel: true },
            2..=4 => {
                // What it is offered meanwhile it refuses.
                let slow = Kind::SlowLink { machine, ms: rng.range(5_000, 40_000) };
                let (lingers_ms, down_ms) = (rng.range(4_000, 9_000), rng.range(1, 2_000));
                let stops = Kind::WorkerStops { machine, lingers_ms, down_ms };
                let later = at_ms + rng.range(1_000, 5_000);
                return vec![Fault { at_ms, kind: slow }, Fault { at_ms: later, kind: stops }];
            }
            5 => Kind::MachinePauses { machine, ms: rng.range(500, 5_000) },
            _ => {
                let (lingers_ms, down_ms) = (rng.range(50, 4_000), rng.range(1, 2_000));
                Kind::WorkerStops { machine, lingers_ms, down_ms }
            }
        };
        vec![Fault { at_ms, kind }]
    };
    (0..24).flat_map(some_of).collect()
}

fn power(rng: &mut Rng, machines: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at_ms, first) in [(40_000, true), (100_000, false), (170_000, true), (230_000, false)] {
        let at_ms = at_ms + rng.below(40_000);
        faults.extend((0..machines).map(|machine| {
            let down_ms = rng.range(10, 2_000);
            let kind = match first {
                true => Kind::DaemonDies { machine, down_ms },
                false => Kind::PowerFails { machine, down_ms },
            };
            Fault { at_ms, kind }
        }));
    }
    faults
}

fn rich(rng: &mut Rng, machines: usize, horizon_ms: u64) -> Vec<Fault> {
    let one = |_| {
        let (at_ms, machine) = (rng.below(horizon_ms), some(rng, machines));
        let kind = match rng.below(10) {
            8 | 9 => Kind::WorkerFull { machine, ms: rng.range(100, 9_000) },
            6 => Kind::Holds { machine, ms: rng.range(100, 9_000) },
            7 => Kind::Drains { machine, ms: rng.range(100, 9_000) },
            0 => Kind::DaemonDies { machine, down_ms: rng.range(10, 2_000) },
            1 => Kind::MasterDies { cut: None, down_ms: rng.range(10, 2_000) },
            2 => Kind::Tokens,
            _ => Kind::Reload,
        };
        Fault { at_ms, kind }
    };
    (0..14).map(one).collect()
}
