//! What ends: a step, the patience with a master that is away, the worker itself.

use std::sync::Arc;
use std::time::Duration;

use steading_wire::worker::{Attempt, Report, ToMaster};
use tokio::time::Instant;

use super::{Daemon, Runs};

/// How long a worker that must end waits for its processes to die and its last bytes to leave.
const STOP_MAX: Duration = Duration::from_secs(12);

impl Daemon {
    pub(super) fn overdue(&mut self) {
        self.deadline = None;
        if self.ending {
            tracing::warn!("some processes or bytes are left behind");
            self.running.clear();
            self.link = None;
        } else if self.running.is_empty() {
            tracing::info!("the master stays away: the worker ends");
            self.end();
        }
        // Otherwise the end of the last step sets a new deadline.
    }

    /// The master said: take nothing more, and end when all is done.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        self.table.stop();
        self.say(ToMaster::Stopping);
    }

    /// The worker must end now: what runs is killed and not reported, the master finds out.
    pub(super) fn end(&mut self) {
        self.stop();
        self.ending = true;
        for attempt in self.running.keys().copied().collect::<Vec<_>>() {
            // Before it dies, so that nobody ever takes this end for its own.
            self.tools.spool.forget(attempt);
            self.kill(attempt);
        }
        self.deadline = Some(Instant::now() + STOP_MAX);
    }

    /// The daemon goes: the next one finds what it held, and what its shepherds run.
    pub(super) fn leave(&mut self) {
        self.say(ToMaster::Stopping);
        self.leaving = true;
    }

    pub(super) fn step_ended(&mut self, attempt: Attempt, number: i64, report: Report) {
        let runs = |runs: &Runs| runs.number() == number;
        let known = self.running.get(&attempt).is_some_and(runs);
        if known {
            self.running.remove(&attempt);
        }
        if self.ending && known {
            self.tools.spool.forget(attempt);
            self.table.abandon(attempt);
        } else {
            let effects = self.table.on_step_ended(attempt, number, report);
            self.carry_out(effects);
            self.gather();
        }
        self.wait_for_master();
    }

    pub(super) fn gather(&mut self) {
        let spool = Arc::clone(&self.tools.spool);
        let effects = self.table.gather(|attempt| spool.holds(attempt));
        self.carry_out(effects);
    }
}
