//! Why a request is not on a worker, as a value and as a sentence.

use super::NotNow;
use super::limits::limited;
use crate::words::Value;

/// The predicate that keeps a request from a worker: the first that says no, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The request is pinned to another worker.
    PinnedElsewhere {
        /// The one it is pinned to.
        to: String,
    },
    /// The builder's `workers` does not name it.
    NotInWorkers {
        /// The globs it names.
        globs: Vec<String>,
    },
    /// It lacks a label.
    LabelMissing {
        /// Which.
        label: String,
        /// The value wanted.
        wanted: Value,
    },
    /// A label has another value.
    LabelDiffers {
        /// Which.
        label: String,
        /// The value wanted.
        wanted: Value,
        /// The value it has.
        found: Value,
    },
    /// The farm declares no such lock.
    LockUnknown {
        /// Its name.
        lock: String,
    },
    /// The lock has fewer units there than are wanted, even when all are free.
    LockTooSmall {
        /// Its name.
        lock: String,
        /// Units wanted.
        wanted: i64,
        /// Units it has there.
        capacity: i64,
    },
    /// It takes nothing at the moment.
    NotNow(NotNow),
    /// All its slots are taken.
    NoFreeSlot,
    /// It has a free slot, and runs as many builds as it may.
    MaxBuilds {
        /// How many that are.
        most: i64,
    },
    /// The policy's `allow` said no.
    PolicyNo,
    /// A function of the policy failed on this pair.
    PolicyFault {
        /// Which function.
        function: String,
        /// What went wrong.
        message: String,
    },
    /// Only locks are in the way.
    Locks {
        /// Their names.
        locks: Vec<String>,
    },
}

impl Why {
    /// The word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Why::PinnedElsewhere { .. } => "pinned_elsewhere",
            Why::NotInWorkers { .. } => "not_in_workers",
            Why::LabelMissing { .. } => "label_missing",
            Why::LabelDiffers { .. } => "label_differs",
            Why::LockUnknown { .. } => "lock_unknown",
            Why::LockTooSmall { .. } => "lock_too_small",
            Why::NotNow(NotNow::Offline) => "offline",
            Why::NotNow(NotNow::Resetting) => "resetting",
            Why::NotNow(NotNow::Paused { .. }) => "paused",
            Why::NotNow(NotNow::Draining) => "draining",
            Why::NotNow(NotNow::Troubled { .. }) => "troubled",
            Why::NotNow(NotNow::Quarantined { .. }) => "quarantined",
            Why::NoFreeSlot => "no_free_slot",
            Why::MaxBuilds { .. } => "max_builds",
            Why::PolicyNo => "policy_no",
            Why::PolicyFault { .. } => "policy_fault",
            Why::Locks { .. } => "locks",
        }
    }

    /// Whether only a new configuration (or another request) can change it.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Why::PinnedElsewhere { .. }
                | Why::NotInWorkers { .. }
                | Why::LabelMissing { .. }
                | Why::LabelDiffers { .. }
                | Why::LockUnknown { .. }
                | Why::LockTooSmall { .. }
        )
    }

    /// What is the case, to follow the workers' names.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Why::PinnedElsewhere { to } => format!("the request is pinned to `{to}`"),
            Why::NotInWorkers { globs } => {
                format!("not among the builder's workers ({})", globs.join(", "))
            }
            Why::LabelMissing { label, wanted } => {
                format!("has no label `{label}`, `{wanted}` is required")
            }
            Why::LabelDiffers { label, wanted, found } => {
                format!("label `{label}` is `{found}`, `{wanted}` is required")
            }
            Why::LockUnknown { lock } => format!("the farm declares no lock `{lock}`"),
            Why::LockTooSmall { lock, wanted, capacity } => {
                format!("lock `{lock}` has {capacity} units there, {wanted} are wanted")
            }
            Why::NotNow(NotNow::Offline) => "offline".to_owned(),
            Why::NotNow(NotNow::Resetting) => "being reset".to_owned(),
            Why::NotNow(NotNow::Paused { by, why }) => format!("paused by {by}: {why}"),
            Why::NotNow(NotNow::Draining) => "draining: takes nothing new".to_owned(),
            Why::NotNow(NotNow::Troubled { why }) => why.clone(),
            Why::NotNow(NotNow::Quarantined { why }) => format!("in quarantine: {why}"),
            Why::NoFreeSlot => "no free slot".to_owned(),
            Why::MaxBuilds { most: 1 } => "runs its one build at most".to_owned(),
            Why::MaxBuilds { most } => format!("runs its {most} builds at most"),
            Why::PolicyNo => "the policy's `allow` says no".to_owned(),
            Why::PolicyFault { function, message } => {
                format!("the policy's {function} failed: {message}")
            }
            Why::Locks { locks } => format!("waits for {}", waited_for(locks)),
        }
    }

    /// What would change it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Why::PinnedElsewhere { to } => format!("worker `{to}` becoming free"),
            Why::NotInWorkers { .. } => "naming more workers in the builder".to_owned(),
            Why::LabelMissing { label, wanted } | Why::LabelDiffers { label, wanted, .. } => {
                format!("a worker with `{label}` = `{wanted}`")
            }
            Why::LockUnknown { lock } => format!("declaring the lock `{lock}`"),
            Why::LockTooSmall { lock, wanted, .. } => {
                format!("a capacity of at least {wanted} for lock `{lock}`")
            }
            Why::NotNow(NotNow::Offline) => "the worker connecting".to_owned(),
            Why::NotNow(NotNow::Resetting) => "the end of the reset".to_owned(),
            Why::NotNow(NotNow::Paused { .. }) => "resuming the worker".to_owned(),
            Why::NotNow(NotNow::Draining) => "ending the drain".to_owned(),
            Why::NotNow(NotNow::Troubled { .. }) => "the worker finding that over".to_owned(),
            Why::NotNow(NotNow::Quarantined { .. }) => {
                "the end of its quarantine, or resuming the worker".to_owned()
            }
            Why::NoFreeSlot => "the end of a build there".to_owned(),
            Why::MaxBuilds { .. } => "the end of the last step of a build there".to_owned(),
            Why::PolicyNo => "a change of the policy, or of what it looks at".to_owned(),
            Why::PolicyFault { .. } => "a repair of the policy".to_owned(),
            Why::Locks { locks } => released(locks),
        }
    }
}

/// The names of locks that people declared, and the builders that run all the builds they may.
fn told_apart(locks: &[String]) -> (Option<String>, Vec<&str>) {
    let (builders, names): (Vec<&String>, Vec<&String>) =
        locks.iter().partition(|lock| limited(lock).is_some());
    let quoted: Vec<String> = names.iter().map(|l| format!("`{l}`")).collect();
    let noun = if names.len() == 1 { "lock" } else { "locks" };
    let names = (!names.is_empty()).then(|| format!("{noun} {}", quoted.join(", ")));
    (names, builders.into_iter().filter_map(|lock| limited(lock)).collect())
}

fn waited_for(locks: &[String]) -> String {
    let (names, builders) = told_apart(locks);
    let builders = builders.into_iter();
    let builders = builders.map(|b| format!("builder `{b}`, which runs all the builds it may"));
    names.into_iter().chain(builders).collect::<Vec<_>>().join(" and ")
}

fn released(locks: &[String]) -> String {
    let (names, builders) = told_apart(locks);
    let names = names.map(|names| format!("the release of {names}"));
    let builders = builders.into_iter().map(|b| format!("the end of a build of `{b}`"));
    names.into_iter().chain(builders).collect::<Vec<_>>().join(" and ")
}
