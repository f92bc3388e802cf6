//! What an invariant that does not hold looks like.

use std::fmt;

/// An invariant (I1 to I12, ARCHITECTURE.md) that does not hold somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which: `I1` … `I12`.
    pub invariant: &'static str,
    /// A sentence naming what and where.
    pub text: String,
}

impl Violation {
    /// A violation from its two halves.
    pub fn new(invariant: &'static str, text: impl Into<String>) -> Violation {
        Violation { invariant, text: text.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.text)
    }
}
