//! Environments of processes, read without waiting for any of them: the kernel reads them through
//! the memory of the process, and one that waits for a dead disk may hold that for ever.

use std::collections::BTreeSet;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::aside::{self, Aside};

/// How long a read may take.
const READ_MAX: Duration = Duration::from_millis(250);

/// Reads an environment; `None` when it may not be read, or nothing is there.
type Read = fn(i32) -> Option<Vec<u8>>;

/// Reads environments in a thread of its own, which is left behind when it does not come back.
pub(super) struct Environments {
    read: Read,
    reader: Option<Aside<i32, Option<Vec<u8>>>>,
    /// Processes that could not be read in time: they are not tried again.
    stuck: BTreeSet<i32>,
}

impl Environments {
    /// Those of `/proc`.
    pub(super) fn new() -> Environments {
        Environments::of(|pid| std::fs::read(format!("/proc/{pid}/environ")).ok())
    }

    fn of(read: Read) -> Environments {
        Environments { read, reader: None, stuck: BTreeSet::new() }
    }

    /// Whether a process has a variable. Another user's cannot be read, and are not ours.
    pub(super) fn have(&mut self, pid: i32, variable: &str) -> bool {
        let Some(environment) = self.get(pid) else { return false };
        environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes())
    }

    /// The processes that could not be read in time.
    pub(super) fn stuck(&self) -> impl Iterator<Item = i32> {
        self.stuck.iter().copied()
    }

    fn get(&mut self, pid: i32) -> Option<Vec<u8>> {
        if self.stuck.contains(&pid) {
            return None;
        }
        let start = || aside::start("environments", self.read);
        let (asks, answers) = self.reader.get_or_insert_with(start);
        let asked = asks.send(pid).is_ok();
        match answers.recv_timeout(READ_MAX) {
            Ok(environment) if asked => environment,
            Err(RecvTimeoutError::Timeout) => {
                self.reader = None;
                self.stuck.insert(pid);
                None
            }
            Ok(_) | Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_cannot_be_read_keeps_nobody_from_the_others() {
        let read: Read = |pid| match pid {
            2 => loop {
                std::thread::park();
            },
            3 => None,
            _ => Some(format!("A=1\0NUMBER={pid}\0").into_bytes()),
        };
        let mut environments = Environments::of(read);
        let have: Vec<i32> =
            [1, 2, 3, 4, 2, 1].into_iter().filter(|pid| environments.have(*pid, "A=1")).collect();
        assert_eq!(have, [1, 4, 1]);
        assert_eq!(environments.stuck().collect::<Vec<_>>(), [2]);
        assert!(environments.have(4, "NUMBER=4") && !environments.have(4, "NUMBER=1"));
    }

    #[test]
    fn our_own_is_read() {
        let me = i32::try_from(std::process::id()).unwrap();
        let (name, value) = std::env::vars().next().expect("a variable");
        assert!(Environments::new().have(me, &format!("{name}={value}")));
    }
}
