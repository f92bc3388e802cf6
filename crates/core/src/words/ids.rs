//! One typed id per noun. People say "build 17"; the database keeps the integer.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $noun:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl $name {
            /// The noun this id belongs to, as `NOUNS` spells it.
            pub const NOUN: &'static str = $noun;
        }
    )*};
}

ids! {
    /// A change: something happened in a repository.
    ChangeId = "change";
    /// A buildset: one reason, its source stamps, its requests.
    BuildsetId = "buildset";
    /// A source stamp of a buildset.
    StampId = "source_stamp";
    /// A build request.
    RequestId = "request";
    /// A claim: a request offered to one worker under one epoch.
    ClaimId = "claim";
    /// A build: one accepted attempt.
    BuildId = "build";
    /// A step of a build.
    StepId = "step";
    /// A log of a step.
    LogId = "log";
    /// An artifact of a build.
    ArtifactId = "artifact";
    /// A worker the farm has met.
    WorkerId = "worker";
    /// A builder, in any configuration the farm ever had.
    BuilderId = "builder";
    /// A stored configuration.
    ConfigId = "configuration";
    /// A scheduler.
    SchedulerId = "scheduler";
    /// A declared lock.
    LockId = "lock";
    /// An infrastructure error.
    CauseId = "cause";
    /// A failure of a function of the policy.
    FaultId = "fault";
    /// The farm itself: one row.
    FarmId = "farm";
    /// Something to be told to people or programs outside.
    NotificationId = "notification";
}

/// The number of an event: gapless and increasing over the life of a farm. 0 is "before all".
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One attempt at a request: what master and worker call a build before and after it has a number.
/// A higher epoch supersedes a lower one of the same request (invariant I1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// The request attempted.
    pub request: RequestId,
    /// Counts the attempts of the request, from 1.
    pub epoch: i64,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {} attempt {}", self.request, self.epoch)
    }
}
