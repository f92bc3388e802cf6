//! Schedulers as declared.

use serde::{Deserialize, Serialize};

use crate::words::Duration;

/// What turns changes or wishes into buildsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduler {
    /// Reacts to changes.
    OnChange(OnChange),
    /// Offers a form.
    Force(Force),
}

/// `on_change(…)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnChange {
    /// The repository's name.
    pub repository: String,
    /// Builders to ask for, resolved from globs.
    pub builders: Vec<String>,
    /// Branch globs; empty means every watched branch.
    pub branches: Vec<String>,
    /// File globs that make a change important; empty means all.
    pub files: Vec<String>,
    /// Wait until no important change came for this long; zero builds each at once.
    pub quiet: Duration,
    /// Longest wait of the first important change.
    pub max_wait: Duration,
    /// Priority of its requests.
    pub priority: i64,
    /// How long its requests wait at most before they go before all others.
    #[serde(default)]
    pub start_within: Option<Duration>,
    /// A newer revision of a branch cancels what is left of the older ones.
    #[serde(default)]
    pub cancel_superseded: bool,
    /// The first failure in a buildset cancels the rest of it.
    #[serde(default)]
    pub fail_fast: bool,
}

/// `force(…)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Force {
    /// Builders it may ask for.
    pub builders: Vec<String>,
    /// Its form.
    pub params: Vec<Param>,
    /// How long its requests wait at most before they go before all others.
    #[serde(default)]
    pub start_within: Option<Duration>,
}

impl Scheduler {
    /// How long its requests wait at most before they go before all others.
    #[must_use]
    pub fn start_within(&self) -> Option<Duration> {
        match self {
            Scheduler::OnChange(it) => it.start_within,
            Scheduler::Force(it) => it.start_within,
        }
    }
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Param {
    /// The property it sets.
    pub name: String,
    /// What it accepts.
    pub kind: ParamKind,
    /// Used when nothing is given.
    pub default: Option<String>,
}

/// What a form's field accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Any text.
    Text,
    /// One of these.
    Choice(Vec<String>),
}
