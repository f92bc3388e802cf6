//! What a scheduler wants built.

use super::Timer;
use crate::farm::OnChange;
use crate::words::ChangeId;

/// A buildset to be: its source stamp is the newest revision, its blamelist all collected changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The scheduler that wants it.
    pub scheduler: String,
    /// The repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The full revision to build.
    pub revision: String,
    /// The changes it is blamed on, oldest first.
    pub changes: Vec<ChangeId>,
    /// The builders to ask for.
    pub builders: Vec<String>,
    /// The priority of its requests.
    pub priority: i64,
    /// Why, for people.
    pub reason: String,
}

impl Wish {
    /// What a collected timer stands for.
    pub(super) fn of(on: &OnChange, timer: &Timer) -> Wish {
        let reason = match timer.changes.len() {
            0 | 1 => format!("a change on {}", timer.branch),
            n => format!("{n} changes on {}", timer.branch),
        };
        Wish {
            scheduler: timer.scheduler.clone(),
            repository: timer.repository.clone(),
            branch: timer.branch.clone(),
            revision: timer.revision.clone(),
            changes: timer.changes.clone(),
            builders: on.builders.clone(),
            priority: on.priority,
            reason,
        }
    }
}
