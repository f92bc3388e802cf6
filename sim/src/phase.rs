//! In which phases of a build's life things went wrong: a fault that nobody was there to feel
//! shows nothing, so it is counted what was there.

use std::collections::BTreeMap;

use crate::check::Checker;
use crate::fault::Kind;
use crate::machine::Machine;
use crate::world::Uploads;

/// What a farm may be in the middle of.
pub const PHASES: [&str; 7] =
    ["idle", "granting", "running", "uploading", "finishing", "cancelling", "lock held"];

/// How often each kind of fault began in each phase.
pub type Coverage = BTreeMap<(&'static str, &'static str), u64>;

/// The phases that this fault meets: of the machine it is about, else of the farm.
pub(crate) fn met(
    kind: &Kind,
    checker: &Checker,
    machines: &[Machine],
    uploads: &Uploads,
) -> Vec<&'static str> {
    let about = kind.machine().and_then(|machine| machines.get(machine));
    let here = |worker: &str| about.is_none_or(|machine| machine.name == worker);
    let live = || checker.builds.values().filter(|build| here(&build.worker) && build.is_live());
    let found = [
        ("granting", checker.offers.values().any(|worker| here(worker))),
        ("running", live().any(|build| build.state == "running")),
        ("uploading", uploads.any(kind.machine())),
        ("finishing", live().any(|build| build.state == "gathering")),
        ("cancelling", live().any(|build| build.state == "cancelling")),
        ("lock held", live().any(|build| build.locked)),
    ];
    let mut met: Vec<&str> = found.iter().filter(|(_, is)| *is).map(|(phase, _)| *phase).collect();
    if met.is_empty() {
        met.push("idle");
    }
    met
}
