//! Who is below a process, read from `/proc`. A member is signalled only if it is still the process
//! that was seen: its number may have passed to another one meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::ladder::timespec;
use crate::clock;

/// A process as `/proc` showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pid: i32,
    parent: i32,
    session: i32,
    started: u64,
    /// Its name, as the kernel keeps it.
    pub(crate) name: String,
    /// False for a zombie: nothing of it runs any more.
    pub(crate) alive: bool,
}

impl Member {
    /// A descriptor that becomes readable when it dies.
    pub(crate) fn pidfd(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        (read(self.pid)?.started == self.started).then_some(fd)
    }

    /// Its number.
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until it is dead, or until `end`.
    pub(super) fn wait_for_death(&self, end: Instant) {
        let Some(fd) = self.pidfd() else { return };
        let left = timespec(end.saturating_duration_since(clock::monotonic()));
        let _ = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&left));
    }

    /// Sends a signal, if it is still there.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(fd) = self.pidfd() {
            // It may have died just now, or belong to another user: the ladder looks again anyway.
            let _ = pidfd_send_signal(fd, signal);
        }
    }
}

/// Every process below `root`, whatever group or session it moved to.
pub(crate) fn descendants(root: Pid) -> Vec<Member> {
    let mut children: BTreeMap<i32, Vec<Member>> = BTreeMap::new();
    for member in everyone() {
        children.entry(member.parent).or_default().push(member);
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![root.as_raw_nonzero().get()];
    while let Some(parent) = open.pop() {
        for member in children.remove(&parent).unwrap_or_default() {
            if seen.insert(member.pid) {
                open.push(member.pid);
                found.push(member);
            }
        }
    }
    found
}

/// Kills what a dead shepherd left in its session, for the rare case that somebody killed it.
pub(crate) fn end_session(leader: u32) {
    let Ok(leader) = i32::try_from(leader) else { return };
    for member in everyone().filter(|m| m.session == leader && m.alive) {
        member.signal(Signal::KILL);
    }
}

/// Everyone on this machine.
pub(super) fn everyone() -> impl Iterator<Item = Member> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?))
}

fn read(pid: i32) -> Option<Member> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(pid, &String::from_utf8_lossy(&stat))
}

/// The fields of `/proc/PID/stat` that matter. The name may hold anything, parentheses too.
fn parse(pid: i32, stat: &str) -> Option<Member> {
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    let number = |i: usize| fields.get(i)?.parse::<i64>().ok();
    let threads = number(17)?;
    // A leader that ended before its threads shows as a zombie although the process lives.
    let alive = match *fields.first()? {
        "X" | "x" => false,
        "Z" => threads > 1,
        _ => true,
    };
    Some(Member {
        pid,
        parent: i32::try_from(number(1)?).ok()?,
        session: i32::try_from(number(3)?).ok()?,
        started: u64::try_from(number(19)?).ok()?,
        name,
        alive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, state: &str, threads: i64) -> String {
        format!("7 ({name}) {state} 3 7 5 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 4711 0")
    }

    #[test]
    fn names_may_hold_parentheses_and_blanks() {
        let member = parse(7, &line("a) S (b", "S", 1)).expect("a line of /proc");
        assert_eq!((member.name.as_str(), member.parent, member.session), ("a) S (b", 3, 5));
        assert_eq!(member.started, 4711);
    }

    #[test]
    fn a_zombie_with_threads_is_alive() {
        let check = |state: &str, threads: i64, alive: bool| {
            let member = parse(7, &line("x", state, threads)).expect("a line of /proc");
            assert_eq!(member.alive, alive, "{state} with {threads} threads");
        };
        check("R", 1, true);
        check("T", 1, true);
        check("Z", 1, false);
        check("Z", 2, true);
        check("X", 1, false);
    }
}
