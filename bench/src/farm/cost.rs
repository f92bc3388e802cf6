//! What a farm spent: write sections, statements, commits, syncs, processor time.

use std::io;

use super::{Farm, Http};

/// Processor time is counted in these, on every Linux.
const TICKS_PER_S: f64 = 100.0;

/// What was spent up to a moment, or between two.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Write sections that were committed.
    pub(crate) sections: f64,
    /// SQL statements that were run in them.
    pub(crate) statements: f64,
    /// Commits, each of a group of sections.
    pub(crate) commits: f64,
    /// Files and directories of the archive that were made durable.
    pub(crate) syncs: f64,
    /// Of the master.
    pub(crate) master_s: f64,
    /// Of the workers and everything they started.
    pub(crate) workers_s: f64,
}

impl Cost {
    /// What the farm spent so far.
    pub(crate) fn read(farm: &Farm, http: &mut Http) -> io::Result<Cost> {
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
    pub(crate) fn since(self, before: Cost, builds: f64) -> Cost {
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
    (cpu_s(master), tree_s(master) - cpu_s(master))
}

/// Processor seconds of one process, without what it started.
pub(crate) fn cpu_s(pid: u32) -> f64 {
    stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default())
        .map_or(0.0, |(_, own, _)| own)
}

/// Processor seconds of a process, and of its children with all that ended below them.
pub(crate) fn tree_s(pid: u32) -> f64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = processes.filter_map(|process| {
        let text = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let (parent, own, below) = stat(&text)?;
        (parent == f64::from(pid)).then_some(own + below)
    });
    cpu_s(pid) + children.sum::<f64>()
}

/// The parent of a process, its own processor seconds, and those of what ended below it.
fn stat(text: &str) -> Option<(f64, f64, f64)> {
    // The name stands in parentheses and may contain anything.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<f64> = rest.split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
    let [_, parent, ..] = fields[..] else { return None };
    let [user, system, below_user, below_system] = *fields.get(11..15)? else { return None };
    Some((parent, (user + system) / TICKS_PER_S, (below_user + below_system) / TICKS_PER_S))
}

/// Memory of a process in use now, in megabytes; 0 where the system does not say.
pub(crate) fn resident_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
