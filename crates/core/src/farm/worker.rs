//! Workers, locks and repositories as declared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::matches_glob;
use crate::words::{Duration, Value};

/// `git(…)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The name stamps and changes use: what the user wrote as URL or path.
    pub name: String,
    /// Where to fetch it: a URL, or an absolute path when the user wrote one relative to the farm.
    pub url: String,
    /// Branch globs watched; empty means the default branch alone.
    pub branches: Vec<String>,
    /// How often to look.
    pub poll: Duration,
}

/// `worker(…)` or `workers(…)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// A name, or a glob for `workers`.
    pub name: String,
    /// Whether the name is a glob.
    pub pattern: bool,
    /// Builds it may run at once.
    pub slots: i64,
    /// What it offers.
    pub labels: BTreeMap<String, Value>,
    /// How many builds run steps there at once; absent: as many as it has slots.
    #[serde(default)]
    pub max_builds: Option<i64>,
    /// How long it may be away before its builds are tried elsewhere; absent: `WorkerSpec::GRACE`.
    #[serde(default)]
    pub grace: Option<Duration>,
    /// How long it may be away before it is said to be missing; see [`WorkerSpec::missing_after`].
    #[serde(default)]
    pub missing_after: Option<Duration>,
    /// How it is brought back to a clean state between builds, if it is.
    #[serde(default)]
    pub reset: Option<Reset>,
}

/// `reset = […]` of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// What the master runs.
    pub command: Vec<String>,
    /// How long that may take.
    pub timeout: Duration,
    /// After how many builds.
    pub every: i64,
}

impl WorkerSpec {
    /// How long a named worker may be away unless it says otherwise.
    pub const MISSING_AFTER: Duration = Duration::seconds(600);

    /// How long it may be away before it is said to be missing. Those of a pattern come and go, and
    /// are missing only where the pattern says so.
    #[must_use]
    pub fn missing_after(&self) -> Option<Duration> {
        let usual = (!self.pattern).then_some(WorkerSpec::MISSING_AFTER);
        self.missing_after.or(usual)
    }

    /// How long a worker may be away unless its declaration says otherwise: a network cut of a
    /// minute charges nobody.
    pub const GRACE: Duration = Duration::seconds(60);

    /// How long it may be away before its builds are tried elsewhere.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace.unwrap_or(WorkerSpec::GRACE)
    }

    /// Whether a worker of that name is admitted by this declaration.
    #[must_use]
    pub fn admits(&self, name: &str) -> bool {
        if self.pattern { matches_glob(&self.name, name) } else { self.name == name }
    }
}

/// `lock(…)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Its name.
    pub name: String,
    /// Whether each worker has units of its own.
    pub per_worker: bool,
    /// How many units.
    pub capacity: LockCapacity,
}

/// How many units a lock has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LockCapacity {
    /// The same everywhere.
    Units(i64),
    /// By worker glob; an exact name before globs, globs in name order, otherwise 1.
    ByWorker(BTreeMap<String, i64>),
}

impl Lock {
    /// Its units on a worker (the worker is ignored by a farm-wide lock).
    #[must_use]
    pub fn units(&self, worker: &str) -> i64 {
        match &self.capacity {
            LockCapacity::Units(n) => *n,
            LockCapacity::ByWorker(by) => by
                .get(worker)
                .or_else(|| {
                    by.iter().find(|(g, _)| *g != "*" && matches_glob(g, worker)).map(|(_, n)| n)
                })
                .or_else(|| by.get("*"))
                .copied()
                .unwrap_or(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_name_beats_a_glob_and_a_glob_beats_the_star() {
        let by = [("*", 1), ("linux-*", 2), ("linux-7", 3)];
        let by = by.into_iter().map(|(g, n)| (g.to_owned(), n)).collect();
        let lock =
            Lock { name: "disk".into(), per_worker: true, capacity: LockCapacity::ByWorker(by) };
        assert_eq!([lock.units("linux-7"), lock.units("linux-1"), lock.units("mac")], [3, 2, 1]);
    }
}
