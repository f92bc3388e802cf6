//! Bodies of requests and answers that are not rows of a noun.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub use crate::forecast::{StartsIn, WhatIf};

/// `POST /api/v1/builders/{name}/force`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Force {
    /// The branch; the repository's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A revision, tag or branch name to resolve; the branch's head if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Higher goes first, where the policy says so.
    #[serde(default)]
    pub priority: i64,
    /// The only worker that may build it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Values by name.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// The answer to a force or a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// The buildset made.
    pub buildset_id: i64,
    /// Its requests, by builder.
    pub requests: BTreeMap<String, i64>,
}

/// `POST /api/v1/changes`: tell the farm of a change its poller would find later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChange {
    /// The repository, as the farm declares it.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// A revision to resolve; the branch's head if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// The answer to a told change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangesAdded {
    /// Ids of the changes that were new; empty if all were known.
    pub changes: Vec<i64>,
}

/// A reason given by a person: for cancel, pause and the like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// In their words.
    #[serde(default)]
    pub reason: String,
}

/// `POST /api/v1/requests/{id}/prioritize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Priority {
    /// Higher goes first, where the policy says so.
    pub priority: i64,
}

/// A list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List {
    /// The rows, in the order asked for.
    pub items: Vec<Map<String, Value>>,
    /// Where the next page begins; null on the last.
    pub next: Option<String>,
    /// The newest event these rows know of: `/events?since=` continues here without gap or repeat.
    pub as_of: i64,
}

/// One thing, with the event number it was read at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Item {
    /// The row.
    pub item: Map<String, Value>,
    /// The newest event this row knows of.
    pub as_of: i64,
}

/// `GET /api/v1/farm`: the overview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Farm {
    /// The master's version.
    pub version: String,
    /// Requests that wait to be matched.
    pub pending: i64,
    /// Requests offered to a worker or being built.
    pub claimed: i64,
    /// Builds that have not reached their outcome.
    pub running: i64,
    /// Workers with a session that are not being reset.
    pub workers_ready: i64,
    /// Workers without a session.
    pub workers_offline: i64,
    /// Workers somebody paused, whatever their state.
    pub workers_paused: i64,
    /// Workers that have been away for longer than their limit.
    #[serde(default)]
    pub workers_missing: i64,
    /// Connected workers that found something themselves to take nothing for: a full disk.
    #[serde(default)]
    pub workers_troubled: i64,
    /// Slots of the ready workers in all.
    pub slots: i64,
    /// Why nothing is started, as a sentence; null when builds are.
    #[serde(default)]
    pub held: Option<String>,
    /// Whether somebody wants it quiet.
    #[serde(default)]
    pub draining: bool,
    /// The newest event these numbers know of.
    pub as_of: i64,
}

/// Lines of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lines {
    /// The lines asked for.
    pub lines: Vec<Line>,
    /// The line to go on with; null when there is no more by now.
    #[serde(default)]
    pub next: Option<i64>,
    /// How many lines the log has by now.
    pub total: i64,
    /// Whether the log is whole.
    pub closed: bool,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// Its number, from 1.
    pub number: i64,
    /// When its first byte came, RFC 3339.
    pub at: String,
    /// Its text without the line end; bytes that are not UTF-8 are replaced. `/raw` has them all.
    pub text: String,
    /// True when only its beginning is shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// Why a request is not running yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The request.
    pub request_id: i64,
    /// Its state in a word.
    pub state: String,
    /// Its place in dispatch order, from 1; absent unless it is pending.
    pub position: Option<i64>,
    /// The one sentence that answers "why not yet".
    pub summary: String,
    /// What it comes down to: `next`, `waits_for_locks`, `waits_for_slot`, `waits_for_worker`,
    /// `refused_by_policy`, `never`, `rests`, `paused`; the request's state when it is not pending.
    pub verdict: String,
    /// What excludes workers, grouped by predicate.
    pub workers: Vec<Exclusion>,
    /// The locks it wants where it could run.
    pub locks: Vec<LockWait>,
    /// What would let it run; any one of them.
    pub remedies: Vec<String>,
    /// When it is expected to start; null when it is not pending, or nothing that will happen by
    /// itself starts it.
    #[serde(default)]
    pub starts_in_ms: Option<StartsIn>,
    /// What would make it start earlier, or would not; empty in the queue.
    #[serde(default)]
    pub what_if: Vec<WhatIf>,
    /// The event number the answer was decided on.
    pub as_of: i64,
}

/// A predicate that excludes workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    /// Machine-readable: `pinned_elsewhere`, `not_in_workers`, `label_missing`, `label_differs`,
    /// `offline`, `paused`, `draining`, `no_free_slot`, `policy_no`, `policy_fault`, `locks`, ….
    pub predicate: String,
    /// What is the case, to follow the workers' names.
    pub text: String,
    /// What would change it.
    pub remedy: String,
    /// The workers it excludes.
    pub workers: Vec<String>,
}

/// A lock the request wants, and who has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockWait {
    /// Its name.
    pub lock: String,
    /// The worker whose units these are; null for a farm-wide lock.
    pub worker: Option<String>,
    /// How many units there are.
    pub capacity: i64,
    /// Whether it is free for this request now.
    pub grantable: bool,
    /// Who holds it: `hello/17`.
    pub holders: Vec<String>,
    /// Requests ahead for which its units are kept.
    pub reserved_for: Vec<String>,
}

/// The queue in dispatch order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Pending requests, first to start first.
    pub items: Vec<Explanation>,
    /// Pending requests in all; `items` may be cut.
    pub total: i64,
    /// The event number the order was decided on.
    pub as_of: i64,
}

/// The answer to a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// The configuration now in force.
    pub configuration_id: i64,
    /// What changed, a line each; empty if nothing did.
    pub differences: Vec<String>,
}

/// `POST /api/v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// For `worker`: the worker's name or glob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Seconds it is valid for; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_s: Option<i64>,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read.
    Read,
    /// Read and write.
    Admin,
    /// Be a worker.
    Worker,
    /// Sign a browser in, once.
    Browser,
}

impl Scope {
    /// The word, as API and database spell it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Admin => "admin",
            Scope::Worker => "worker",
            Scope::Browser => "browser",
        }
    }

    /// The scope a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Scope> {
        [Scope::Read, Scope::Admin, Scope::Worker, Scope::Browser]
            .into_iter()
            .find(|scope| scope.word() == word)
    }
}

/// A token, shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// What it is called.
    pub name: String,
    /// The secret itself; only its hash is kept.
    pub token: String,
}
