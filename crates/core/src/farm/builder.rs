//! Builders and their plans: recipes as data, stored with every build they made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FunctionId;
use crate::words::{Duration, HeldLock, Value};

/// `builder(…)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
