//! The last net: whatever a dead shepherd and its errand left behind is found by its mark.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::tree::{Member, everyone};
use crate::clock;

/// The variable every process of a slot has in its environment: which worker, which slot.
pub(crate) const MARK: &str = "BUILD_SHEPHERD";

/// How long killing goes on: a tree may fork faster than it dies for a while.
const SWEEP_MAX: Duration = Duration::from_secs(5);

/// Kills every process that carries a mark; answers their names.
pub(crate) fn sweep(mark: &str) -> Vec<String> {
    let mut names = Vec::new();
    let end: Instant = clock::monotonic() + SWEEP_MAX;
    while clock::monotonic() < end {
        let left: Vec<Member> = everyone().filter(|m| m.alive && carries(m, mark)).collect();
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
    names
}

/// Another user's processes cannot be read, and are not ours.
fn carries(member: &Member, mark: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{}/environ", member.pid())) else { return false };
    let wanted = format!("{MARK}={mark}");
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}
