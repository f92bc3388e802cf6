//! Builders and their plans: recipes as data, stored with every build they made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FunctionId;
use crate::words::{Duration, HeldLock, Value};

/// `builder(…)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// Its name.
    pub name: String,
    /// Labels a worker must have, equal.
    pub requires: BTreeMap<String, Value>,
    /// Globs of the workers that may build it; empty means all.
    pub workers: Vec<String>,
    /// Locks a whole build holds.
    pub locks: Vec<HeldLock>,
    /// What it does.
    pub plan: Plan,
    /// How many of its builds run steps at once, in the whole farm; absent: any number.
    #[serde(default)]
    pub max_builds: Option<i64>,
    /// How long its requests wait at most before they go before all others.
    #[serde(default)]
    pub max_wait: Option<Duration>,
    /// Builds of one request before the farm gives up on it; absent: `Builder::RETRIES`.
    #[serde(default)]
    pub retries: Option<i64>,
    /// Whether a build that was lost may be run again.
    #[serde(default)]
    pub rerun: Rerun,
    /// How many bytes of each log are kept; absent: as many as the worker keeps of any.
    #[serde(default)]
    pub log_limit: Option<i64>,
}

impl Builder {
    /// Builds a request of a builder may have unless it says otherwise.
    pub const RETRIES: i64 = 5;

    /// Builds of one request before the farm gives up on it.
    #[must_use]
    pub fn budget(&self) -> i64 {
        self.retries.unwrap_or(Builder::RETRIES)
    }
}

/// Whether a build whose worker was lost may be run again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rerun {
    /// It may: running it twice does no harm.
    #[default]
    Safe,
    /// It may not: it keeps its locks until its worker confirms its death, or an operator does.
    Never,
}

impl Rerun {
    /// The word, as API and database spell it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Rerun::Safe => "safe",
            Rerun::Never => "never",
        }
    }

    /// What a word means; what was never said is safe.
    #[must_use]
    pub fn from_word(word: Option<&str>) -> Rerun {
        match word {
            Some("never") => Rerun::Never,
            _ => Rerun::Safe,
        }
    }
}

/// The steps of a builder, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<PlanStep>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Unique within the plan.
    pub name: String,
    /// What it does.
    pub kind: StepKind,
    /// Locks it holds while it runs; each also fits beside the builder's.
    pub locks: Vec<HeldLock>,
    /// The user's function that says whether to run it.
    pub when: Option<FunctionId>,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// Runs also after a failure or a cancel.
    pub always: bool,
}

/// What the failure of a step means for its build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The build fails, later steps are skipped.
    #[default]
    Fail,
    /// The build has warnings, later steps run.
    Warn,
    /// Nothing: the step shows its failure, the build goes on.
    Ignore,
}

/// What a step does, before properties are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Bring the build's revision of a repository into the workspace.
    Checkout {
        /// The repository's name in the farm.
        repository: String,
        /// Fetch submodules too.
        submodules: bool,
    },
    /// Run a process.
    Shell {
        /// What to run.
        command: Command,
        /// Environment added to the worker's own.
        env: BTreeMap<String, Arg>,
        /// Directory below the workspace.
        workdir: Option<String>,
        /// Longest run.
        timeout: Option<Duration>,
        /// Longest silence.
        idle_timeout: Option<Duration>,
    },
    /// Keep files of the workspace.
    Upload {
        /// Globs below the workspace.
        paths: Vec<Arg>,
    },
}

/// What a shell step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A script for `/bin/sh -e -c`; never templated, so no value can inject a command.
    Script(String),
    /// Words handed to the program as they are.
    Words(Vec<Arg>),
}

/// A text that may depend on the build. Values become whole argv elements or environment variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arg {
    /// As it stands.
    Text(String),
    /// The value of a property.
    Prop {
        /// Its name.
        name: String,
        /// Used when the build has no such property.
        default: Option<String>,
    },
    /// The parts, one after the other.
    Join(Vec<Arg>),
}
