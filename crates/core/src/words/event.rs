//! What has happened, as a numbered stream of small facts.
//!
//! An event says which fields of which noun took which values, and when. Folding the events after a
//! list's `as_of` over that list therefore yields the newer list: history and events are one truth.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Micros, Seq};

/// A stored value, as the database keeps it: times are microseconds, yes is 1, structures are JSON
/// text. `Noun` knows how a field is shown to others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Absent.
    Null,
    /// Whole numbers, times, durations, ids, booleans.
    Int(i64),
    /// Text, words of enums, JSON.
    Text(String),
}

/// A stored value that is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRef<'a> {
    /// Absent.
    Null,
    /// Whole numbers, times, durations, ids, booleans.
    Int(i64),
    /// Text, words of enums, JSON.
    Text(&'a str),
}

impl Cell {
    /// The value, lent.
    #[must_use]
    pub fn lent(&self) -> CellRef<'_> {
        match self {
            Cell::Null => CellRef::Null,
            Cell::Int(number) => CellRef::Int(*number),
            Cell::Text(text) => CellRef::Text(text),
        }
    }
}

impl From<CellRef<'_>> for Cell {
    fn from(lent: CellRef<'_>) -> Cell {
        match lent {
            CellRef::Null => Cell::Null,
            CellRef::Int(number) => Cell::Int(number),
            CellRef::Text(text) => Cell::Text(text.to_owned()),
        }
    }
}

// As of `Value`: by what comes, without trying.
impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Cell, D::Error> {
        from.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl Visitor<'_> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing, a whole number, or a text")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Int(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Cell, E> {
        i64::try_from(number).map(Cell::Int).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Cell, E> {
        Ok(Cell::Text(text))
    }
}

macro_rules! into_cell {
    ($($from:ty => $make:expr;)*) => {$(
        impl From<$from> for Cell {
            fn from(value: $from) -> Cell { ($make)(value) }
        }
    )*};
}

into_cell! {
    i64 => Cell::Int;
    bool => |yes| Cell::Int(i64::from(yes));
    Micros => |at: Micros| Cell::Int(at.0);
    String => Cell::Text;
    &str => |text: &str| Cell::Text(text.to_owned());
    &String => |text: &String| Cell::Text(text.clone());
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

/// The fields an event changed, by name.
pub type Delta = BTreeMap<String, Cell>;

/// One event, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number: gapless, increasing.
    pub seq: Seq,
    /// When its section ran.
    pub at: Micros,
    /// What happened, as `EventKind` spells it; old farms may hold kinds this version never writes.
    pub kind: String,
    /// The version of the delta's shape for this kind.
    pub version: i64,
    /// The noun it happened to.
    pub noun: String,
    /// That noun's id.
    pub noun_id: i64,
    /// Field names and their new values.
    pub delta: Delta,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Everything that can happen. The word's first half is the noun.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind { $($(#[$doc])* $name,)* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$name,)*];

            /// The word, as stream and database spell it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(EventKind::$name => $word,)* }
            }
        }
    };
}

kinds! {
    /// A configuration became the farm's.
    ConfigurationApplied = "configuration.applied",
    /// A builder appeared, changed or left the configuration.
    BuilderConfigured = "builder.configured",
    /// A builder was paused or resumed.
    BuilderFlagged = "builder.flagged",
    /// A scheduler was paused or resumed.
    SchedulerFlagged = "scheduler.flagged",
    /// A scheduler appeared, changed or left the configuration.
    SchedulerConfigured = "scheduler.configured",
    /// A lock appeared, changed or left the configuration.
    LockConfigured = "lock.configured",
    /// A change was found or told.
    ChangeAdded = "change.added",
    /// A buildset was submitted.
    BuildsetSubmitted = "buildset.submitted",
    /// All of a buildset's requests are complete, or it failed before it had any.
    BuildsetCompleted = "buildset.completed",
    /// A request waits to be matched.
    RequestSubmitted = "request.submitted",
    /// A request was matched and is being offered.
    RequestClaimed = "request.claimed",
    /// A worker accepted a request: it has a build.
    RequestAccepted = "request.accepted",
    /// A request went back to the queue.
    RequestReturned = "request.returned",
    /// A request was folded into another.
    RequestCollapsed = "request.collapsed",
    /// A request has its outcome.
    RequestCompleted = "request.completed",
    /// A request's priority changed.
    RequestPrioritized = "request.prioritized",
    /// A request has waited as long as it shall, at most, and has not started.
    RequestOverdue = "request.overdue",
    /// A claim was made and is being sent.
    ClaimOffered = "claim.offered",
    /// A claim got its answer, or none in time.
    ClaimAnswered = "claim.answered",
    /// A worker accepted: the build exists.
    BuildStarted = "build.started",
    /// A build is at another step, or gathers.
    BuildProgressed = "build.progressed",
    /// Somebody said stop.
    BuildCancelling = "build.cancelling",
    /// A build's worker stayed away.
    BuildLost = "build.lost",
    /// A lost build's worker came back with it in time.
    BuildReturned = "build.returned",
    /// A build has its outcome.
    BuildFinished = "build.finished",
    /// A step waits for locks.
    StepWaiting = "step.waiting",
    /// A step was sent to the worker.
    StepStarted = "step.started",
    /// A step has its outcome.
    StepFinished = "step.finished",
    /// A log was opened.
    LogOpened = "log.opened",
    /// A log is whole: closed and hashed.
    LogClosed = "log.closed",
    /// A log was deleted.
    LogDeleted = "log.deleted",
    /// An artifact is stored.
    ArtifactStored = "artifact.stored",
    /// An artifact was deleted.
    ArtifactDeleted = "artifact.deleted",
    /// The farm met a new worker.
    WorkerAdded = "worker.added",
    /// A worker's slots or labels follow its declaration.
    WorkerConfigured = "worker.configured",
    /// A worker has a session.
    WorkerConnected = "worker.connected",
    /// A worker's session ended.
    WorkerLost = "worker.lost",
    /// A worker was paused or resumed, or drains.
    WorkerFlagged = "worker.flagged",
    /// An infrastructure error was charged to a worker, or taken back.
    WorkerCharged = "worker.charged",
    /// A worker takes nothing for a while: it fails whatever it is given.
    WorkerQuarantined = "worker.quarantined",
    /// A worker is trusted again.
    WorkerCleared = "worker.cleared",
    /// An infrastructure error was charged to a request, or taken back.
    RequestCharged = "request.charged",
    /// An infrastructure error, and whom it is charged to.
    CauseNoted = "cause.noted",
    /// A charge was taken back.
    CauseForgiven = "cause.forgiven",
    /// A worker found a reason itself to take nothing, or found it gone.
    WorkerTroubled = "worker.troubled",
    /// A worker's machine is otherwise than it said.
    WorkerObserved = "worker.observed",
    /// A worker has been away for longer than its limit.
    WorkerMissing = "worker.missing",
    /// A worker is being reset, was reset, or could not be.
    WorkerReset = "worker.reset",
    /// A function of the policy failed: once per function and class pair.
    FaultNoted = "fault.noted",
    /// The farm was paused or resumed, or drains.
    FarmFlagged = "farm.flagged",
    /// The farm itself found a reason to hold everything back, or found it gone.
    FarmTroubled = "farm.troubled",
    /// Something is to be told.
    NotificationAdded = "notification.added",
    /// It could not be told, and will be tried again.
    NotificationTried = "notification.tried",
    /// It was told.
    NotificationSent = "notification.sent",
    /// It could not be told, and will not be tried again.
    NotificationFailed = "notification.failed",
}

#[cfg(test)]
mod tests {
    use super::super::NOUNS;
    use super::*;

    #[test]
    fn every_kind_begins_with_a_noun() {
        for kind in EventKind::ALL {
            let noun = kind.word().split('.').next().unwrap_or_default();
            assert!(NOUNS.iter().any(|n| n.name == noun), "{} names no noun", kind.word());
        }
    }
}
