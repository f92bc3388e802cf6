//! A farm as its configuration declares it, whole.

use std::collections::BTreeMap;

use super::{Builder, Force, Lock, Notifier, Repository, Scheduler, WorkerSpec};
use crate::words::Duration;

/// A whole farm: every name resolved, every duration parsed, every reference checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Farm {
    /// Repositories by the name sources and stamps use.
    pub repositories: BTreeMap<String, Repository>,
    /// Workers and worker patterns, in the order declared.
    pub workers: Vec<WorkerSpec>,
    /// Builders by name.
    pub builders: BTreeMap<String, Builder>,
    /// Locks by name.
    pub locks: BTreeMap<String, Lock>,
    /// Schedulers by name.
    pub schedulers: BTreeMap<String, Scheduler>,
    /// Notifiers by name.
    pub notifiers: BTreeMap<String, Notifier>,
    /// Bytes that are kept free on the master's disk; absent: the master's own measure.
    pub keep_free: Option<i64>,
}

impl Farm {
    /// The declaration that admits a worker of that name: an exact name before patterns, patterns
    /// in the order declared.
    #[must_use]
    pub fn worker(&self, name: &str) -> Option<&WorkerSpec> {
        let exact = self.workers.iter().find(|w| !w.pattern && w.name == name);
        exact.or_else(|| self.workers.iter().find(|w| w.admits(name)))
    }

    /// How long a request of that builder waits at most, whichever of the two says less: the
    /// builder, or the scheduler that asks for it.
    #[must_use]
    pub fn start_within(&self, builder: &str, scheduler: Option<&str>) -> Option<Duration> {
        let builder = self.builders.get(builder).and_then(|builder| builder.max_wait);
        let scheduler = scheduler.and_then(|name| self.schedulers.get(name));
        let scheduler = scheduler.and_then(Scheduler::start_within);
        builder.into_iter().chain(scheduler).min()
    }

    /// Whether anything says how long requests wait at most.
    #[must_use]
    pub fn bounds_waits(&self) -> bool {
        self.builders.values().any(|builder| builder.max_wait.is_some())
            || self.schedulers.values().any(|scheduler| scheduler.start_within().is_some())
    }

    /// The `force(…)` declarations that name a builder, in name order. Where there is one, forcing
    /// that builder passes through one of them.
    pub fn forces<'a>(
        &'a self,
        builder: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Force)> + 'a {
        self.schedulers.iter().filter_map(move |(name, scheduler)| match scheduler {
            Scheduler::Force(force) if force.builders.iter().any(|b| b == builder) => {
                Some((name, force))
            }
            _ => None,
        })
    }
}
