//! The crash points: every write section of the product is killed before its commit, after it, and
//! inside a batch; the list of sections is the product's own.

use steading_master::SECTIONS;

use crate::disk::{Cut, Hunt};
use crate::run::{Plan, run};

/// Sections no run reaches yet, and why.
const OUT_OF_REACH: &[(&str, &str)] = &[
    ("disk.watch", "looks at the real disk, which is not full here"),
    ("farm.trusted", "needs a farm that is suspected first: many workers that fail at once"),
    ("intake.record", "asks git, a real process; its time is not simulated"),
    ("intake.tell", "asks git"),
    ("report.begin", "needs a notifier and a receiver that is not simulated"),
    ("report.follow", "needs a notifier"),
    ("report.told", "needs a receiver"),
    ("reset.begin", "runs a command of the operator, a real process"),
    ("reset.end", "runs a command of the operator"),
    ("reset.fail", "runs a command of the operator"),
    ("schedule.change", "needs changes, which come from git"),
    ("schedule.first", "needs changes, which come from git"),
    ("schedule.timer", "needs changes, which come from git"),
];

/// What came of the crash points.
#[derive(Debug, Clone, Default)]
pub struct Crashes {
    /// Sections and places at which a master was killed.
    pub killed: usize,
    /// Where none was, though it is in reach.
    pub missed: Vec<String>,
    /// Sections that no run reaches, with the reason.
    pub out_of_reach: Vec<(&'static str, &'static str)>,
    /// What was found after any of the kills.
    pub violations: Vec<String>,
    /// Runs it took.
    pub runs: u64,
}

/// Kills a master at each section of the product, at each of the three places, in at most so many
/// runs.
#[must_use]
pub fn crashes(runs_max: u64) -> Crashes {
    let reachable = |name: &str| !OUT_OF_REACH.iter().any(|(out, _)| *out == name);
    let sections = SECTIONS.iter().map(|(name, _)| *name).filter(|name| reachable(name));
    let mut hunt: Hunt = sections.flat_map(|name| Cut::ALL.map(|cut| (name, cut))).collect();
    let mut crashes = Crashes { out_of_reach: OUT_OF_REACH.to_vec(), ..Crashes::default() };
    let all = hunt.len();
    while !hunt.is_empty() && crashes.runs < runs_max {
        let seed = 7_000 + crashes.runs;
        let plan = Plan { builds: 40, faults: 40, hunt: Some(hunt), ..Plan::of(seed) };
        let report = run(&plan);
        let found = report.violations.iter().map(|found| format!("seed {seed}: {found}"));
        crashes.violations.extend(found);
        crashes.runs += 1;
        hunt = report.unhunted;
    }
    crashes.killed = all - hunt.len();
    crashes.missed = hunt.iter().map(|(name, cut)| format!("{name}: {cut:?}")).collect();
    crashes
}
