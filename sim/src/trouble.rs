//! What went wrong when, so that the loss of a build can be explained, or not.

use crate::check::Loss;
use crate::fault::Kind;

/// The farm waits so long for a worker that is away before it tries its builds elsewhere; what
/// takes clearly less must cost no build. In milliseconds.
const PATIENCE_MS: u64 = 40_000;

/// Everything that went wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    all: Vec<(u64, Kind)>,
    /// When a master started with a clock that was set forward.
    clocks_set: Vec<u64>,
}

impl Troubles {
    /// Something goes wrong from now on.
    pub(crate) fn begin(&mut self, now: u64, kind: &Kind) {
        self.all.push((now, kind.clone()));
    }

    /// A master starts with a clock that was set forward: by it everybody was away for long.
    pub(crate) fn clock_set(&mut self, now: u64) {
        self.clocks_set.push(now);
    }

    /// Whether what went wrong explains why this build was lost by now. What a fault may cost: a
    /// machine without power and a killed shepherd their builds, a master that starts with another
    /// clock those of any worker that is away, all else only time.
    pub(crate) fn explain(&self, loss: &Loss, machine: usize, now: u64) -> bool {
        let live = |at: &u64| at + PATIENCE_MS >= loss.build.began_ms;
        if self.clocks_set.iter().any(live) {
            return true;
        }
        let mut away_ms = 0;
        for (began, kind) in &self.all {
            let still = |ms: &u64| (began + ms).min(now).saturating_sub(*began);
            let since = |ms: &u64| began + ms + PATIENCE_MS >= loss.build.began_ms;
            away_ms += match kind {
                Kind::ShepherdDies { machine: m } if *m == machine && since(&0) => return true,
                Kind::PowerFails { machine: m, .. } if *m == machine && since(&0) => return true,
                Kind::DaemonDies { machine: m, down_ms: ms } if *m == machine && since(ms) => {
                    still(ms)
                }
                Kind::WorkerStops { machine: m, lingers_ms, down_ms }
                    if *m == machine && since(&(lingers_ms + down_ms)) =>
                {
                    still(&(lingers_ms + down_ms))
                }
                Kind::DiskFull { ms } if since(ms) => return true,
                Kind::MachinePauses { machine: m, ms } if *m == machine && since(ms) => still(ms),
                Kind::Partition { machine: m, ms, .. } if *m == machine && since(ms) => still(ms),
                Kind::SlowLink { machine: m, ms } if *m == machine && since(ms) => still(ms),
                Kind::MasterPauses { ms } | Kind::SlowDisk { ms } if since(ms) => still(ms),
                _ => 0,
            };
        }
        away_ms >= PATIENCE_MS
    }
}
