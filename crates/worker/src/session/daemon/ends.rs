//! What ends: a step, the patience with a master that is away, the worker itself.

use std::time::Duration;

use steading_wire::worker::{Attempt, Report, ToMaster};
use tokio::time::Instant;

use super::Daemon;

/// How long a worker that must end waits for its processes to die and its last bytes to leave.
const STOP_MAX: Duration = Duration::from_secs(12);

impl Daemon {
    pub(super) fn overdue(&mut self) {
        self.deadline = None;
        if self.work.is_ending() {
            tracing::warn!("some processes or bytes are left behind");
            self.work.give_up();
            self.link = None;
        } else if !self.work.is_running() {
            tracing::info!("the master stays away: the worker ends");
            self.end();
        }
        // Otherwise the end of the last step sets a new deadline.
    }

    /// The worker must end now, and what it runs with it.
    pub(super) fn end(&mut self) {
        self.work.end();
        self.deadline = Some(Instant::now() + STOP_MAX);
    }

    /// The daemon goes: the next one finds what it held, and what its shepherds run.
    pub(super) fn leave(&mut self) {
        self.say(ToMaster::Stopping);
        self.leaving = true;
    }

    pub(super) fn step_ended(&mut self, attempt: Attempt, number: i64, report: Report) {
        self.here.remove(&attempt);
        self.work.step_ended(attempt, number, report);
        self.wait_for_master();
    }
}
