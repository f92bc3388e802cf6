//! The quiet period of one (scheduler, repository, branch), as persisted.

use crate::words::{ChangeId, Micros};

/// Collected changes that wait for quiet. One exists per (scheduler, repository, branch) at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The `on_change` that waits.
    pub scheduler: String,
    /// The repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// When the first important change came; absent while only unimportant ones ride along.
    pub first_at: Option<Micros>,
    /// When to fire; absent while only unimportant ones ride along.
    pub fire_at: Option<Micros>,
    /// Every change collected, oldest first: the blamelist.
    pub changes: Vec<ChangeId>,
    /// The newest revision: what will be built.
    pub revision: String,
}
