//! The states of requests, claims, builds, steps and workers. Legal moves: `lifecycle`.

use serde::{Deserialize, Serialize};

macro_rules! states {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every state, in the order of its life.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];
            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word, as API and database spell it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The state a word names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|s| s.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    )*};
}

states! {
    /// A request's life: `pending → claimed → complete`, or `collapsed` into another.
    RequestState {
        /// Waits to be matched.
        Pending = "pending",
        /// Offered to a worker, or being built.
        Claimed = "claimed",
        /// Folded into another request; completes with it.
        Collapsed = "collapsed",
        /// Has its outcome.
        Complete = "complete",
    }

    /// A claim's life: `offered`, then one answer.
    ClaimState {
        /// Sent, not answered.
        Offered = "offered",
        /// The worker took it: the build exists.
        Accepted = "accepted",
        /// The farm took it back.
        Withdrawn = "withdrawn",
        /// The worker said no.
        Refused = "refused",
        /// Nobody answered in time.
        Expired = "expired",
    }

    /// A build's life.
    BuildState {
        /// Its steps run.
        Running = "running",
        /// Somebody said stop; processes die, `always` steps run.
        Cancelling = "cancelling",
        /// Its worker stayed away; it goes on if that comes back in time.
        Lost = "lost",
        /// Steps are over; bytes are still being stored.
        Gathering = "gathering",
        /// Has its outcome, logs closed, artifacts stored.
        Finished = "finished",
    }

    /// A step's life.
    StepState {
        /// Waits for the locks it takes.
        Waiting = "waiting",
        /// Sent to the worker.
        Running = "running",
        /// Has its outcome.
        Finished = "finished",
    }

    /// What the farm knows of a worker. Free slots are derived from its builds, never stored.
    WorkerState {
        /// No session.
        Offline = "offline",
        /// Being brought back to a clean state.
        Resetting = "resetting",
        /// Has a session and may be offered builds.
        Ready = "ready",
    }

    /// Whose count an infrastructure error makes grow.
    Charged {
        /// The worker's and the request's.
        Both = "both",
        /// The worker's alone: nothing of the request had begun.
        Worker = "worker",
        /// The request's alone: it fails wherever it goes.
        Request = "request",
        /// Nobody's, or it was taken back.
        Nobody = "nobody",
    }

    /// How far a notification got.
    NotificationState {
        /// Not told yet.
        Waiting = "waiting",
        /// Told.
        Sent = "sent",
        /// Given up.
        Failed = "failed",
    }
}
