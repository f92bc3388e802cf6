//! The crash points: every write section of the product is killed before its commit, after it, and
//! inside a batch; the list of sections is the product's own.

use steading_master::SECTIONS;

use crate::disk::{Cut, Hunt};
use crate::run::{Plan, run};
use crate::scene::Scene;

/// The seed of the first run.
const FIRST_SEED: u64 = 7_000;
/// Sections that no run reaches, and why.
const OUT_OF_REACH: &[(&str, &str)] = &[];

/// What came of the crash points.
#[derive(Debug, Clone, Default)]
pub struct Crashes {
    /// Sections and places at which a master was killed.
    pub killed: usize,
    /// Sections at which one was killed at each of the three places.
    pub sections: usize,
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
/// runs: days with many faults, and scenes put together for what happens seldom. Says after each
/// run what came of it.
#[must_use]
pub fn crashes(runs_max: u64, trace: bool, mut say: impl FnMut(String)) -> Crashes {
    let reachable = |name: &str| !OUT_OF_REACH.iter().any(|(out, _)| *out == name);
    let sections: Vec<&str> =
        SECTIONS.iter().map(|(name, _)| *name).filter(|name| reachable(name)).collect();
    let places = |name: &&'static str| Cut::ALL.map(|cut| (*name, cut));
    let mut hunt: Hunt = sections.iter().flat_map(places).collect();
    let mut crashes = Crashes { out_of_reach: OUT_OF_REACH.to_vec(), ..Crashes::default() };
    let all = hunt.len();
    while !hunt.is_empty() && crashes.runs < runs_max {
        let plan = plan(crashes.runs, hunt);
        let mut report = run(&plan);
        hunt = std::mem::take(&mut report.unhunted);
        let (seed, scene, found) = (plan.seed, plan.scene, report.violations.len());
        let left: Vec<String> =
            hunt.iter().take(8).map(|(name, cut)| format!("{name}: {cut:?}")).collect();
        let (count, left) = (hunt.len(), left.join(", "));
        say(format!("seed {seed} ({scene:?}): {found} violations, {count} kills left: {left}"));
        let named = |found: &String| format!("seed {seed} ({scene:?}): {found}");
        crashes.violations.extend(report.violations.iter().map(named));
        if trace && found > 0 {
            run(&Plan { trace, ..plan }).trace.into_iter().for_each(&mut say);
        }
        crashes.runs += 1;
    }
    crashes.killed = all - hunt.len();
    let whole = |name: &&&str| !hunt.iter().any(|(missed, _)| missed == *name);
    crashes.sections = sections.iter().filter(whole).count();
    crashes.missed = hunt.iter().map(|(name, cut)| format!("{name}: {cut:?}")).collect();
    crashes
}

/// The run of this number.
fn plan(number: u64, hunt: Hunt) -> Plan {
    let seed = FIRST_SEED + number;
    let scenes = Scene::DIRECTED.len() as u64 + 1;
    let scene = match usize::try_from(number % scenes).unwrap_or_default() {
        0 => Scene::Day,
        directed => Scene::DIRECTED[directed - 1],
    };
    // What happens seldom needs somebody who asks at the right moment.
    let builds = if scene == Scene::Unrecorded { 150 } else { 60 };
    Plan { builds, faults: 40, scene, hunt: Some(hunt), ..Plan::of(seed) }
}
