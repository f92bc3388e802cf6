//! What goes wrong, and when: a list drawn before the run begins, so that any part of it can be
//! taken away and the rest run again.

use crate::disk::Cut;
use crate::rng::Rng;

/// One of the things that go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The master is killed: at once, or at its next commit of that kind; so long it is away.
    MasterDies { cut: Option<Cut>, down_ms: u64 },
    /// The master is stopped as by SIGTERM, and started again.
    MasterStops { down_ms: u64, cancel: bool },
    /// The master's process gets no time.
    MasterPauses { ms: u64 },
    /// A worker's daemon is killed; its shepherds are not.
    DaemonDies { machine: usize, down_ms: u64 },
    /// A shepherd that runs a step is killed, and the step with it.
    ShepherdDies { machine: usize },
    /// A worker's machine loses power, and whatever was not synced.
    PowerFails { machine: usize, down_ms: u64 },
    /// A machine gets no time.
    MachinePauses { machine: usize, ms: u64 },
    /// Nothing passes between a machine and the master, in one direction or in both.
    Partition { machine: usize, to_master: bool, to_machine: bool, ms: u64 },
    /// What passes takes seconds.
    SlowLink { machine: usize, ms: u64 },
    /// Messages come twice.
    Repeats { ms: u64 },
    /// Messages of the control link overtake each other.
    Shuffles { ms: u64 },
    /// The master's disk is full.
    DiskFull { ms: u64 },
    /// Reads and commits of the master take long.
    SlowDisk { ms: u64 },
    /// The master's clock jumps, and jumps back.
    ClockJumps { us: i64, ms: u64 },
    /// Somebody edits the farm and reloads it.
    Reload,
    /// Somebody holds a worker back, and lets it go on.
    Holds { machine: usize, ms: u64 },
    /// Somebody drains a worker, and lets it go on.
    Drains { machine: usize, ms: u64 },
    /// A worker's disk is nearly full.
    WorkerFull { machine: usize, ms: u64 },
    /// A worker says that it takes nothing more, ends after a while, and comes back.
    WorkerStops { machine: usize, lingers_ms: u64, down_ms: u64 },
    /// Somebody makes a token, and another one is revoked.
    Tokens,
}

impl Kind {
    /// How long it lasts, where somebody must end it.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Kind::Holds { ms, .. }
            | Kind::Drains { ms, .. }
            | Kind::WorkerFull { ms, .. }
            | Kind::DiskFull { ms }
            | Kind::SlowDisk { ms }
            | Kind::ClockJumps { ms, .. } => Some(*ms),
            Kind::WorkerStops { lingers_ms, .. } => Some(*lingers_ms),
            _ => None,
        }
    }

    /// The machine it is about, if it is about one.
    pub(crate) fn machine(&self) -> Option<usize> {
        match self {
            Kind::DaemonDies { machine, .. }
            | Kind::ShepherdDies { machine }
            | Kind::PowerFails { machine, .. }
            | Kind::MachinePauses { machine, .. }
            | Kind::Partition { machine, .. }
            | Kind::SlowLink { machine, .. }
            | Kind::Holds { machine, .. }
            | Kind::Drains { machine, .. }
            | Kind::WorkerFull { machine, .. }
            | Kind::WorkerStops { machine, .. } => Some(*machine),
            _ => None,
        }
    }

    /// Its name, for counting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kind::MasterDies { cut: None, .. } => "master killed at any moment",
            Kind::MasterDies { cut: Some(Cut::Before), .. } => "master killed before a commit",
            Kind::MasterDies { cut: Some(Cut::After), .. } => "master killed after a commit",
            Kind::MasterDies { cut: Some(Cut::Inside), .. } => "master killed inside a batch",
            Kind::MasterStops { .. } => "master stopped and started",
            Kind::MasterPauses { .. } => "master paused",
            Kind::DaemonDies { .. } => "worker daemon killed",
            Kind::ShepherdDies { .. } => "shepherd killed",
            Kind::PowerFails { .. } => "machine lost power",
            Kind::MachinePauses { .. } => "machine paused",
            Kind::Partition { to_master: true, to_machine: true, .. } => "partition",
            Kind::Partition { .. } => "one-way partition",
            Kind::SlowLink { .. } => "slow link",
            Kind::Repeats { .. } => "messages repeated",
            Kind::Shuffles { .. } => "messages reordered",
            Kind::DiskFull { .. } => "master's disk full",
            Kind::SlowDisk { .. } => "master's disk slow",
            Kind::ClockJumps { .. } => "clock jumped by an hour",
            Kind::Reload => "farm reloaded",
            Kind::Holds { .. } => "worker held back",
            Kind::Drains { .. } => "worker drained",
            Kind::WorkerFull { .. } => "worker's disk full",
            Kind::WorkerStops { .. } => "worker stopped and started",
            Kind::Tokens => "tokens made and revoked",
        }
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// When, in milliseconds of the run.
    pub(crate) at_ms: u64,
    /// What.
    pub(crate) kind: Kind,
}

/// Draws up to `most` faults over a time.
pub(crate) fn draw(rng: &mut Rng, most: u64, machines: usize, horizon_ms: u64) -> Vec<Fault> {
    let count = rng.below(most + 1);
    let mut faults: Vec<Fault> = (0..count)
        .map(|_| Fault { at_ms: rng.below(horizon_ms), kind: kind(rng, machines as u64) })
        .collect();
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

/// Short mostly, sometimes longer than every patience.
fn length(rng: &mut Rng) -> u64 {
    let most = *rng.pick(&[200, 3_000, 3_000, 15_000, 50_000, 100_000]);
    rng.range(1, most)
}

fn kind(rng: &mut Rng, machines: u64) -> Kind {
    let machine = usize::try_from(rng.below(machines)).unwrap_or_default();
    let ms = length(rng);
    let most = *rng.pick(&[10, 1_000, 20_000]);
    let down_ms = rng.range(1, most);
    match rng.below(28) {
        0 => Kind::MasterDies { cut: None, down_ms },
        1..4 => Kind::MasterDies { cut: Some(Cut::Before), down_ms },
        4..7 => Kind::MasterDies { cut: Some(Cut::After), down_ms },
        7..9 => Kind::MasterDies { cut: Some(Cut::Inside), down_ms },
        9 => Kind::MasterStops { down_ms, cancel: rng.chance(100) },
        10 => Kind::MasterPauses { ms },
        11 => Kind::DaemonDies { machine, down_ms },
        12 => Kind::MachinePauses { machine, ms },
        13 => Kind::Partition { machine, to_master: true, to_machine: true, ms },
        14 => {
            let to_master = rng.chance(500);
            Kind::Partition { machine, to_master, to_machine: !to_master, ms }
        }
        15 => Kind::SlowLink { machine, ms },
        16 => match rng.chance(500) {
            true => Kind::Repeats { ms },
            false => Kind::Shuffles { ms },
        },
        17 => match rng.chance(500) {
            true => Kind::DiskFull { ms },
            false => Kind::SlowDisk { ms },
        },
        18 => {
            let hour = 3_600_000_000;
            Kind::ClockJumps { us: if rng.chance(500) { hour } else { -hour }, ms }
        }
        19 => Kind::Reload,
        20 => Kind::Holds { machine, ms },
        21 => Kind::Drains { machine, ms },
        22 => Kind::WorkerStops { machine, lingers_ms: rng.range(50, 1_000), down_ms },
        23 => Kind::Tokens,
        24 => Kind::ShepherdDies { machine },
        25 => Kind::PowerFails { machine, down_ms },
        26 => Kind::WorkerFull { machine, ms },
        _ => Kind::DaemonDies { machine, down_ms },
    }
}
