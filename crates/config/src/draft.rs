//! What the calls of a configuration leave behind, before the whole is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use steading_core::farm::{
    FunctionId, Lock, Notifier, OnFailure, Param, PropertyId, Receiver, Repository, Rerun,
    StepKind, Term, WorkerSpec,
};
use steading_core::words::{Duration, HeldLock, Value};

use crate::Diagnostic;
use crate::place::Place;

/// Everything declared so far, in the order of the calls.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// The farm's directory.
    pub(crate) root: PathBuf,
    /// What was found.
    pub(crate) findings: Vec<Diagnostic>,
    /// Functions of the farm a call of which was refused: what they would have declared is missing,
    /// and that is not another error.
    pub(crate) refused: BTreeSet<&'static str>,
    /// The user's functions that were handed over; their places here are their ids.
    pub(crate) functions: Vec<UserFunction>,
    /// `git(…)`.
    pub(crate) repositories: Vec<Declared<Repository>>,
    /// `worker(…)` and `workers(…)`.
    pub(crate) workers: Vec<Declared<WorkerSpec>>,
    /// `lock(…)`.
    pub(crate) locks: Vec<Declared<Lock>>,
    /// `lock.counting(…)` and `lock.exclusive()`.
    pub(crate) uses: Vec<HeldLock>,
    /// Steps, whether a builder took them or not.
    pub(crate) steps: Vec<Declared<StepDraft>>,
    /// `builder(…)`.
    pub(crate) builders: Vec<Declared<BuilderDraft>>,
    /// `choice(…)` and `text(…)`.
    pub(crate) params: Vec<Param>,
    /// `highest(…)` and its kin.
    pub(crate) terms: Vec<Term>,
    /// Properties that terms name; their places here are their ids.
    pub(crate) properties: Vec<String>,
    /// `on_change(…)` and `force(…)`.
    pub(crate) schedulers: Vec<Declared<SchedulerDraft>>,
    /// `mail(…)` and `webhook(…)`.
    pub(crate) receivers: Vec<Receiver>,
    /// `notify(…)`.
    pub(crate) notifiers: Vec<Declared<Notifier>>,
    /// `keep_free(…)`: bytes.
    pub(crate) keep_free: Option<Declared<i64>>,
    /// `policy(…)`.
    pub(crate) policy: Option<Declared<PolicyDraft>>,
}

/// Something with the place of its call.
#[derive(Debug, Clone)]
pub(crate) struct Declared<T> {
    /// What.
    pub(crate) it: T,
    /// Where.
    pub(crate) place: Place,
}

/// A function of the user.
#[derive(Debug, Clone)]
pub(crate) struct UserFunction {
    /// Its parameters, `*` and `**` ones with their stars.
    pub(crate) params: Vec<String>,
    /// The call it was handed to.
    pub(crate) given: Place,
}

/// A step before it has its final name.
#[derive(Debug, Clone)]
pub(crate) struct StepDraft {
    /// The name it was given.
    pub(crate) name: Option<String>,
    /// The name it gets otherwise.
    pub(crate) derived: String,
    /// What it does.
    pub(crate) kind: StepKind,
    /// Its locks.
    pub(crate) locks: Vec<HeldLock>,
    /// Its condition.
    pub(crate) when: Option<FunctionId>,
    /// What its failure means.
    pub(crate) on_failure: OnFailure,
    /// Runs also after a failure.
    pub(crate) always: bool,
}

/// A builder before its steps have names.
#[derive(Debug, Clone)]
pub(crate) struct BuilderDraft {
    /// Its name.
    pub(crate) name: String,
    /// Its steps, by their places in the draft.
    pub(crate) steps: Vec<usize>,
    /// Labels it asks for.
    pub(crate) requires: BTreeMap<String, Value>,
    /// Globs of its workers.
    pub(crate) workers: Vec<String>,
    /// Locks of the whole build.
    pub(crate) locks: Vec<HeldLock>,
    /// How many of its builds run at once.
    pub(crate) max_builds: Option<i64>,
    /// How long its requests wait at most.
    pub(crate) max_wait: Option<Duration>,
    /// How many bytes of each log are kept.
    pub(crate) log_limit: Option<i64>,
    /// Builds of one request before the farm gives up on it.
    pub(crate) retries: Option<i64>,
    /// Whether a lost build may be run again.
    pub(crate) rerun: Rerun,
}

/// A scheduler before its builders are known.
#[derive(Debug, Clone)]
pub(crate) struct SchedulerDraft {
    /// The name it was given.
    pub(crate) name: Option<String>,
    /// Globs of its builders.
    pub(crate) builders: Vec<String>,
    /// How long its requests wait at most.
    pub(crate) start_within: Option<Duration>,
    /// The rest of it.
    pub(crate) kind: SchedulerKind,
}

/// What sets a scheduler off.
#[derive(Debug, Clone)]
pub(crate) enum SchedulerKind {
    /// Changes.
    OnChange {
        /// The repository's name; `None` when it was refused.
        repository: Option<String>,
        /// Branch globs.
        branches: Vec<String>,
        /// File globs.
        files: Vec<String>,
        /// The quiet period.
        quiet: Duration,
        /// Its cap.
        max_wait: Duration,
        /// Priority of its requests.
        priority: i64,
        /// Whether a newer revision cancels older ones.
        cancel_superseded: bool,
        /// Whether the first failure cancels the rest.
        fail_fast: bool,
    },
    /// A wish.
    Force {
        /// Its form.
        params: Vec<Param>,
    },
}

/// `policy(…)`.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyDraft {
    /// Whether a request may run on a worker.
    pub(crate) allow: Option<(FunctionId, bool, bool)>,
    /// The order, unless the default shall do.
    pub(crate) order: Option<Vec<Term>>,
    /// Whether a request may fold into a newer one.
    pub(crate) collapse: Option<FunctionId>,
    /// Whether what is kept back for one that cannot start yet may be used meanwhile.
    pub(crate) backfill: bool,
}

impl Draft {
    /// The id of a property that a term names.
    pub(crate) fn property(&mut self, name: String) -> PropertyId {
        let place = self.properties.iter().position(|p| *p == name).unwrap_or_else(|| {
            self.properties.push(name);
            self.properties.len() - 1
        });
        PropertyId(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// The parameters of a function of the user.
    pub(crate) fn params_of(&self, function: FunctionId) -> &[String] {
        self.functions.get(function.0 as usize).map_or(&[], |f| f.params.as_slice())
    }
}
