//! The nouns as plain values: what the farm's own logic reads from history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settle::blame::Trust;

use super::{
    Attempt, BuildId, BuildState, BuildsetId, ChangeId, ClaimId, ConfigId, LogId, Micros, Outcome,
    Properties, Reason, RequestId, RequestState, Seq, StepId, StepState, Value, WorkerState,
};

/// Something happened in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its id.
    pub id: ChangeId,
    /// The repository, as the farm declares it.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The full revision.
    pub revision: String,
    /// Who wrote it.
    pub author: String,
    /// What they said.
    pub message: String,
    /// Paths touched, against the first parent.
    pub files: Vec<String>,
    /// The revisions it stands for, when many came at once.
    pub commits: Option<Vec<String>>,
    /// By its author's clock.
    pub committed_at: Micros,
    /// When the farm learned of it.
    pub created_at: Micros,
}

/// Which code. Absolute: the revision is full.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceStamp {
    /// The repository, as the farm declares it.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The full revision.
    pub revision: String,
}

/// A build request, as dispatch and settle need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Its buildset.
    pub buildset_id: BuildsetId,
    /// The builder that shall build it.
    pub builder: String,
    /// Higher goes first, where the policy says so.
    pub priority: i64,
    /// Where it is in its life.
    pub state: RequestState,
    /// Counts its attempts; 0 before the first.
    pub epoch: i64,
    /// Which code, if any.
    pub stamp: Option<SourceStamp>,
    /// Values by name.
    pub properties: Properties,
    /// Who asked for it.
    pub owner: Option<String>,
    /// Why it exists.
    pub reason: String,
    /// The only worker that may build it.
    pub pinned_worker: Option<String>,
    /// The configuration it began with.
    pub configuration_id: ConfigId,
    /// When it was submitted.
    pub submitted_at: Micros,
    /// When it has waited as long as it shall, at most.
    pub start_by: Option<Micros>,
    /// When the farm found that it had not started by then.
    pub overdue_at: Option<Micros>,
    /// Its newest build, if any.
    pub build_id: Option<BuildId>,
    /// The request it completes with.
    pub collapsed_into: Option<RequestId>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// A request offered to one worker under one epoch, not yet answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its id.
    pub id: ClaimId,
    /// The attempt it would become.
    pub attempt: Attempt,
    /// The worker it is offered to.
    pub worker: String,
    /// When it expires unanswered.
    pub deadline_at: Micros,
}

/// The match a claim records, for replay and audit (I11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// The newest event the decision saw.
    pub seq: Seq,
    /// The time it was made at.
    pub at: Micros,
}

/// A build, as its driver needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its id.
    pub id: BuildId,
    /// Its builder.
    pub builder: String,
    /// Its number within the builder.
    pub number: i64,
    /// Which attempt at which request.
    pub attempt: Attempt,
    /// Its buildset.
    pub buildset_id: BuildsetId,
    /// Where it runs.
    pub worker: String,
    /// Where it is in its life.
    pub state: BuildState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why.
    pub outcome_reason: Option<Reason>,
    /// Which code, if any.
    pub stamp: Option<SourceStamp>,
    /// Values by name, the farm's own among them.
    pub properties: Properties,
    /// Who asked for it.
    pub owner: Option<String>,
    /// The locks it holds.
    pub locks: Vec<HeldLock>,
    /// What it does.
    pub plan: crate::farm::Plan,
    /// The configuration it began with.
    pub configuration_id: ConfigId,
    /// When its worker accepted it.
    pub started_at: Micros,
    /// When its last step ended.
    pub steps_ended_at: Option<Micros>,
    /// When it reached its outcome.
    pub finished_at: Option<Micros>,
    /// Whether it may be run again when it is lost.
    pub rerun: crate::farm::Rerun,
    /// Somebody said stop before its outcome stood: that will be `cancelled`.
    pub cancelled: bool,
    /// When they did.
    pub cancelled_at: Option<Micros>,
    /// When its worker had stayed away for too long, if it still does.
    pub lost_at: Option<Micros>,
    /// Whether it is lost for good, whoever comes with it.
    pub forsaken: bool,
}

/// A step, as its build's driver needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Its build.
    pub build_id: BuildId,
    /// Its place in the plan, from 1.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// Waiting, running or finished.
    pub state: StepState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why.
    pub outcome_reason: Option<Reason>,
    /// When it gives up waiting for its locks, if it waits or waited.
    pub waits_until: Option<Micros>,
    /// When it was sent.
    pub started_at: Option<Micros>,
    /// When its outcome was known.
    pub finished_at: Option<Micros>,
}

/// A log and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its id.
    pub id: LogId,
    /// The build that printed it.
    pub build_id: BuildId,
    /// The step that printed it.
    pub step_id: StepId,
    /// `stdout` or `stderr`.
    pub name: String,
    /// Whether it is whole.
    pub closed: bool,
    /// BLAKE3 of its bytes, once closed.
    pub hash: Option<String>,
    /// How many bytes it has, once closed.
    pub bytes: Option<i64>,
}

/// A worker the farm has met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// What the farm knows of it.
    pub state: WorkerState,
    /// How many builds it runs at once.
    pub slots: i64,
    /// What it offers, by name.
    pub labels: BTreeMap<String, Value>,
    /// Takes nothing new.
    pub draining: bool,
    /// Who drains it, if a person does, and why.
    pub draining_by: Option<(String, String)>,
    /// Who paused it, if anybody did.
    pub paused_by: Option<String>,
    /// Why they did.
    pub paused_why: Option<String>,
    /// When its last session ended, if it has none.
    pub lost_at: Option<Micros>,
    /// When it had been away for longer than its limit, if it has.
    pub missing_at: Option<Micros>,
    /// After how many builds it is reset, if it is.
    pub reset_every: Option<i64>,
    /// Since when a build may have left something behind that a reset removes.
    pub dirty_at: Option<Micros>,
    /// Infrastructure errors charged to it since its last good build.
    pub failures: i64,
    /// Its quarantine, if it is in one or has not had a good build since.
    pub quarantine: Option<Quarantine>,
    /// Builds begun on it since its last reset; 0 for one that is never reset.
    pub builds_since_reset: i64,
    /// When it was last reset.
    pub reset_at: Option<Micros>,
    /// Resets that failed since the last that succeeded.
    pub reset_failures: i64,
    /// What it found itself to take nothing for: its disk is nearly full.
    pub troubles: Vec<Reason>,
}

impl Worker {
    /// How far it is trusted at that time.
    #[must_use]
    pub fn trust(&self, now: Micros) -> Trust {
        match &self.quarantine {
            None => Trust::Full,
            Some(quarantine) if quarantine.until > now => Trust::Quarantined,
            Some(_) => Trust::Canary,
        }
    }

    /// Builds it may run at once at that time: a canary runs one.
    #[must_use]
    pub fn open_slots(&self, now: Micros) -> i64 {
        match self.trust(now) {
            Trust::Full => self.slots,
            Trust::Canary => self.slots.min(1),
            Trust::Quarantined => 0,
        }
    }

    /// Whether it takes nothing more before it was reset.
    #[must_use]
    pub fn reset_due(&self) -> bool {
        let due = |every: i64| every <= 1 || self.builds_since_reset >= every;
        self.dirty_at.is_some() && self.reset_every.is_some_and(due)
    }
}

/// A worker that failed whatever it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Until when it takes nothing. Afterwards it takes one build at a time, until one goes well.
    pub until: Micros,
    /// Why.
    pub why: String,
    /// How many there were since its last good build, this one included.
    pub times: i64,
}

/// Somebody paused something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Paused {
    /// Who.
    pub by: String,
    /// Why; may be empty.
    pub why: String,
    /// When.
    pub at: Micros,
}

impl Paused {
    /// As a sentence about `what`: "builder hello is paused by alice: the mirror moves".
    #[must_use]
    pub fn of(&self, what: &str) -> String {
        let why = if self.why.is_empty() { "" } else { ": " };
        format!("{what} is paused by {}{why}{}", self.by, self.why)
    }
}

/// Whether the farm starts builds at all: the one place that says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FarmRow {
    /// Who paused or drains it.
    pub paused: Option<Paused>,
    /// Whether it was paused to become quiet.
    pub draining: bool,
    /// What the farm itself found, one of each code: a full disk, workers that fail together. Each
    /// goes away by itself, or by whoever found it.
    pub troubles: Vec<Reason>,
}

impl FarmRow {
    /// Why nothing is started, as a sentence; absent when builds are.
    #[must_use]
    pub fn held(&self) -> Option<String> {
        let paused = self.paused.as_ref().map(|paused| match (self.draining, &*paused.why) {
            (false, _) => paused.of("the farm"),
            (true, "") => format!("the farm is drained by {}", paused.by),
            (true, why) => format!("the farm is drained by {}: {why}", paused.by),
        });
        paused.or_else(|| self.troubles.first().map(|trouble| trouble.text.clone()))
    }
}

/// A lock held, or wanted, with how much of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HeldLock {
    /// The lock's name.
    pub lock: String,
    /// How much of it.
    pub access: Access,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// This many units.
    Counting(i64),
    /// All of it, whatever its capacity.
    Exclusive,
}
