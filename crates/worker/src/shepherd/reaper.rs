//! Collects the dead: the command itself, and the orphans it left to the shepherd.

use std::io;
use std::process::ExitStatus;

use rustix::process::Pid;
use steading_wire::worker::Micros;

use super::kernel::{Dead, bury_one};
use crate::clock;

/// Who has died so far, and what they used.
#[derive(Debug)]
pub(crate) struct Reaper {
    main: Pid,
    /// How and when the command itself ended.
    pub(crate) ended: Option<(ExitStatus, Micros)>,
    /// True when no process is left below the shepherd.
    pub(crate) childless: bool,
    /// Processor time of the dead, in microseconds: their own, the kernel's.
    pub(crate) used_us: (i64, i64),
    /// The most memory one of them used, in KiB.
    pub(crate) max_rss_kib: i64,
}

impl Reaper {
    /// Nothing has died yet.
    pub(crate) fn new(main: Pid) -> Reaper {
        Reaper { main, ended: None, childless: false, used_us: (0, 0), max_rss_kib: 0 }
    }

    /// Collects everyone who is dead now.
    pub(crate) fn reap(&mut self) {
        loop {
            match bury_one() {
                Ok(Some(dead)) => self.count(&dead),
                Ok(None) => return self.childless = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Orphans come to the shepherd, so without a child there is no tree either.
                Err(_) => return self.childless = true,
            }
        }
    }

    fn count(&mut self, dead: &Dead) {
        if dead.pid == self.main.as_raw_nonzero().get() {
            self.ended = Some((dead.status, clock::now()));
        }
        self.used_us.0 += dead.used_us.0;
        self.used_us.1 += dead.used_us.1;
        self.max_rss_kib = self.max_rss_kib.max(dead.max_rss_kib);
    }
}
