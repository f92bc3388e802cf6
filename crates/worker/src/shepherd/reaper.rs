//! Collects the dead: the command itself, and the orphans it left to the shepherd.

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, wait};
use steading_wire::worker::Micros;

use crate::clock;

/// Who has died so far.
#[derive(Debug)]
pub(crate) struct Reaper {
    main: Pid,
    /// How and when the command itself ended.
    pub(crate) ended: Option<(WaitStatus, Micros)>,
    /// True when no process is left below the shepherd.
    pub(crate) childless: bool,
}

impl Reaper {
    /// Nothing has died yet.
    pub(crate) fn new(main: Pid) -> Reaper {
        Reaper { main, ended: None, childless: false }
    }

    /// Collects everyone who is dead now.
    pub(crate) fn reap(&mut self) {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.main => {
                    self.ended = Some((status, clock::now()));
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return self.childless = false,
                // Orphans come to the shepherd, so without a child there is no tree either.
                Err(_) => return self.childless = true,
            }
        }
    }
}
