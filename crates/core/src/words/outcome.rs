//! How a step, a build, a request or a buildset ended, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::BuildId;

/// The seven outcomes. Their worst-of order, strongest first, is Buildbot's: cancelled, retry,
/// exception, failure, warnings, success, skipped (see `settle::worst`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All went well.
    Success,
    /// Usable, but somebody should look.
    Warnings,
    /// The change is at fault.
    Failure,
    /// Not run, on purpose.
    Skipped,
    /// The farm is at fault: never the change's verdict.
    Exception,
    /// This attempt ended without a verdict; the request is tried again.
    Retry,
    /// Somebody said stop.
    Cancelled,
}

impl Outcome {
    /// Every outcome, mildest first but for the three that are no verdict.
    pub const ALL: [Outcome; 7] = [
        Outcome::Success,
        Outcome::Warnings,
        Outcome::Failure,
        Outcome::Skipped,
        Outcome::Exception,
        Outcome::Retry,
        Outcome::Cancelled,
    ];

    /// The word, as API and database spell it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Warnings => "warnings",
            Outcome::Failure => "failure",
            Outcome::Skipped => "skipped",
            Outcome::Exception => "exception",
            Outcome::Retry => "retry",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// The outcome a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|o| o.word() == word)
    }

    /// True for success, warnings and skipped: nobody has to act.
    #[must_use]
    pub fn is_green(self) -> bool {
        matches!(self, Outcome::Success | Outcome::Warnings | Outcome::Skipped)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why an outcome is what it is: a machine-readable code and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable, snake_case: `exit_code`, `timeout`, `worker_lost`, ….
    pub code: String,
    /// What a person reads; names what, where and, if possible, what to do.
    pub text: String,
    /// The infrastructure errors it is made of, oldest first, if it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// An infrastructure error, as an outcome tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The build it befell, if there was one.
    pub build_id: Option<BuildId>,
    /// On which worker.
    pub worker: String,
    /// Stable, snake_case.
    pub code: String,
    /// What a person reads.
    pub text: String,
}

impl Reason {
    /// A reason from its two halves.
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Reason {
        Reason { code: code.into(), text: text.into(), causes: Vec::new() }
    }

    /// The same with its causes.
    #[must_use]
    pub fn because(self, causes: Vec<Cause>) -> Reason {
        Reason { causes, ..self }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
