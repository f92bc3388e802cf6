//! The last net: whatever a dead shepherd and its errand left behind is found by its mark.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::environ::Environments;
use super::tree::{Member, everyone};
use crate::clock;

/// The variable every process of a slot has in its environment: which worker, which slot.
pub(crate) const MARK: &str = "BUILD_SHEPHERD";

/// How long killing goes on: a tree may fork faster than it dies for a while.
const SWEEP_MAX: Duration = Duration::from_secs(5);

/// Kills every process that carries a mark; answers their names. It takes about [`SWEEP_MAX`] at
/// most, whatever state any process is in.
pub(crate) fn sweep(mark: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut environments = Environments::new();
    let wanted = format!("{MARK}={mark}");
    let end: Instant = clock::monotonic() + SWEEP_MAX;
    while clock::monotonic() < end {
        let mut carries =
            |m: &Member| clock::monotonic() < end && environments.have(m.pid(), &wanted);
        let left: Vec<Member> = everyone().filter(|m| m.alive && carries(m)).collect();
        if left.is_empty() {
            break;
        }
        for member in left {
            member.signal(Signal::KILL);
            if !names.contains(&member.name) {
                names.push(member.name.clone());
            }
            member.wait_for_death(end);
        }
    }
    for pid in environments.stuck() {
        tracing::warn!("process {pid} cannot be looked at; if a build left it, it stays");
    }
    names
}
