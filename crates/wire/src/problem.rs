//! Errors as RFC 9457 problem documents. The codes are a closed set: clients may match on them.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal;)*) => {
        /// What kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The word, as the document spells it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Code::$name => $word,)* }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// A value, field or operator is not understood; `detail` names it.
    BadRequest = "bad_request", 400;
    /// No token, or not a valid one.
    Unauthorized = "unauthorized", 401;
    /// The token does not allow this, or the host or origin is not allowed.
    Forbidden = "forbidden", 403;
    /// No such thing.
    NotFound = "not_found", 404;
    /// This path does not take this verb; `Allow` names those it takes.
    MethodNotAllowed = "method_not_allowed", 405;
    /// Not legal in the present state; `detail` names both.
    Conflict = "conflict", 409;
    /// The events asked for are past retention; `detail` names the oldest available.
    Gone = "gone", 410;
    /// The body is larger than this path takes.
    TooLarge = "too_large", 413;
    /// The range asked for lies outside the bytes there are.
    RangeNotSatisfiable = "range_not_satisfiable", 416;
    /// The configuration is broken; `detail` holds the diagnostics.
    BadConfiguration = "bad_configuration", 422;
    /// A revision could not be resolved.
    Unresolved = "unresolved", 422;
    /// The farm cannot answer now.
    Unavailable = "unavailable", 503;
    /// A fault of the farm.
    Internal = "internal", 500;
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Machine-readable.
    pub code: Code,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong, where, and what to do.
    pub detail: String,
}

impl Problem {
    /// A problem of that kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        let title = code.word().replace('_', " ");
        Problem { code, title, status: code.status(), detail: detail.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
