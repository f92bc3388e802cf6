//! Ends a whole tree: TERM, and for whoever stays, KILL.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};

use super::reaper::Reaper;
use super::tree::{Member, descendants};
use crate::clock;

/// How long a tree that was told to end has before it is killed.
pub(crate) const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// The same for processes a command left behind.
pub(crate) const LEFTOVER_GRACE: Duration = Duration::from_secs(2);
/// How long killing goes on: a tree may fork faster than it dies for a while.
const KILL_MAX: Duration = Duration::from_secs(4);
/// How often the tree is looked at while nobody dies.
const LOOK_MS: u64 = 50;

/// Ends everything below `root`; returns when nothing is left, or after grace and `KILL_MAX`.
pub(crate) fn end_all(root: Pid, reaper: &mut Reaper, grace: Duration) {
    for member in living(root) {
        member.signal(Signal::TERM);
        // A stopped process takes its TERM only when it goes on.
        member.signal(Signal::CONT);
    }
    let start = clock::monotonic();
    if wait_gone(root, reaper, start + grace) {
        return;
    }
    let end = start + grace + KILL_MAX;
    while clock::monotonic() < end {
        for member in living(root) {
            member.signal(Signal::KILL);
        }
        if wait_gone(root, reaper, clock::monotonic() + Duration::from_millis(LOOK_MS)) {
            return;
        }
    }
}

/// Everyone below `root` who still runs.
pub(crate) fn living(root: Pid) -> Vec<Member> {
    descendants(root).into_iter().filter(|m| m.alive).collect()
}

/// Waits until nobody is left below `root`; false when the deadline came first.
fn wait_gone(root: Pid, reaper: &mut Reaper, deadline: Instant) -> bool {
    loop {
        reaper.reap();
        if reaper.childless {
            return true;
        }
        let left = deadline.saturating_duration_since(clock::monotonic());
        if left.is_zero() {
            return false;
        }
        let pidfds: Vec<OwnedFd> = living(root).iter().filter_map(Member::pidfd).collect();
        let mut polled: Vec<PollFd<'_>> =
            pidfds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        let look = timespec(left.min(Duration::from_millis(LOOK_MS)));
        // Interrupted, or out of descriptors: look again, the deadline holds either way.
        let _ = poll(&mut polled, Some(&look));
    }
}

/// A span as `poll` wants it.
pub(crate) fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(span.subsec_nanos()),
    }
}
