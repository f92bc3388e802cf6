//! What a farm spent: write sections, statements, commits, syncs, processor time.

use std::io;

use super::farm::Farm;
use super::http::Http;

/// Processor time is counted in these, on every Linux.
const TICKS_PER_S: f64 = 100.0;

/// What was spent up to a moment, or between two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Write sections that were committed.
    pub(super) sections: f64,
    /// SQL statements that were run in them.
    pub(super) statements: f64,
    /// Commits, each of a group of sections.
    pub(super) commits: f64,
    /// Files and directories of the archive that were made durable.
    pub(super) syncs: f64,
    /// Of the master.
    pub(super) master_s: f64,
    /// Of the workers and everything they started.
    pub(super) workers_s: f64,
}

impl Cost {
    /// What the farm spent so far.
    pub(super) fn read(farm: &Farm, http: &mut Http) -> io::Result<Cost> {
        let metrics = http.text("/metrics")?;
        let sum = |name: &str, label: &str| {
            let lines = metrics.lines().filter(|line| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
            });
            let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            values.sum::<f64>()
        };
        let (master_s, workers_s) = processor(farm.master());
        Ok(Cost {
            sections: sum("steading_store_sections_total", "result=\"committed\""),
            statements: sum("steading_store_statements_total", ""),
            commits: sum("steading_store_commits_total", ""),
            syncs: sum("steading_archive_syncs_total", ""),
            master_s,
            workers_s,
        })
    }

    /// What was spent since, for each of so many builds.
    pub(super) fn since(self, before: Cost, builds: f64) -> Cost {
        let each = |after: f64, before: f64| (after - before) / builds;
        Cost {
            sections: each(self.sections, before.sections),
            statements: each(self.statements, before.statements),
            commits: each(self.commits, before.commits),
            syncs: each(self.syncs, before.syncs),
            master_s: each(self.master_s, before.master_s),
            workers_s: each(self.workers_s, before.workers_s),
        }
    }
}

/// Processor seconds of a master, and of its workers with all that ended below them.
fn processor(master: u32) -> (f64, f64) {
    let (mut own, mut workers) = (0.0, 0.0);
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // The name stands in parentheses and may contain anything.
        let Some((pid, rest)) = stat.split_once(' ') else { continue };
        let Some((_, rest)) = rest.rsplit_once(')') else { continue };
        let fields: Vec<f64> = rest.split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
        let [_, parent, ..] = fields[..] else { continue };
        let Some([user, system, below_user, below_system]) = fields.get(11..15) else { continue };
        if pid.parse() == Ok(master) {
            own = (user + system) / TICKS_PER_S;
        } else if parent == f64::from(master) {
            workers += (user + system + below_user + below_system) / TICKS_PER_S;
        }
    }
    (own, workers)
}

/// Memory of a process in use now, in megabytes; 0 where the system does not say.
pub(super) fn resident_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
