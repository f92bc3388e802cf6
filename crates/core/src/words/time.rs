//! Points in time and spans of time, as integers: what the database stores and the core computes
//! with.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// This time plus `span`, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Micros {
        Micros(self.0.saturating_add(span.0.saturating_mul(1000)))
    }

    /// The span from `earlier` to this time; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Micros) -> Duration {
        Duration((self.0.saturating_sub(earlier.0) / 1000).max(0))
    }
}

/// A span in whole milliseconds, never negative.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Duration(pub i64);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a duration: write a whole number and a unit, one of ms, s, m, h, d, as in \"30s\""
)]
pub struct ParseDurationError(pub String);

const UNITS_MS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Duration {
    /// `n` seconds, saturating: `n` may come from outside.
    #[must_use]
    pub const fn seconds(n: i64) -> Duration {
        Duration(n.saturating_mul(1000))
    }

    /// `n` milliseconds.
    #[must_use]
    pub const fn millis(n: i64) -> Duration {
        Duration(n)
    }

    /// This span times `n`, saturating.
    #[must_use]
    pub fn times(self, n: i64) -> Duration {
        Duration(self.0.saturating_mul(n))
    }

    /// Reads a whole number with a unit: `"500ms"`, `"30s"`, `"20m"`, `"8h"`, `"7d"`.
    ///
    /// # Errors
    /// When the number or the unit is missing, unknown, negative or too large.
    pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
        let error = || ParseDurationError(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().map_err(|_| error())?;
        let (_, factor) = UNITS_MS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        number.checked_mul(*factor).map(Duration).ok_or_else(error)
    }
}

impl From<Duration> for std::time::Duration {
    fn from(span: Duration) -> Self {
        std::time::Duration::from_millis(u64::try_from(span.0).unwrap_or(0))
    }
}

impl fmt::Display for Duration {
    /// The way people say it: `1.4 s`, `3:07`, `1:02:03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        match self.0 {
            ms if ms < 1000 => write!(f, "{ms} ms"),
            ms if ms < 60_000 => write!(f, "{seconds}.{} s", (ms % 1000) / 100),
            ms if ms < 3_600_000 => write!(f, "{}:{:02}", seconds / 60, seconds % 60),
            _ => write!(f, "{}:{:02}:{:02}", seconds / 3600, (seconds / 60) % 60, seconds % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(Duration::parse(text).ok().map(|d| d.0), expected, "{text}");
        };
        check("30s", Some(30_000));
        check("500ms", Some(500));
        check("20m", Some(1_200_000));
        check("7d", Some(604_800_000));
        check("30", None);
        check("s", None);
        check("-1s", None);
        check("1.5h", None);
        check("99999999999999999d", None);
        check("1 s", None);
    }

    #[test]
    fn durations_are_shown_as_people_say_them() {
        let check = |ms: i64, expected: &str| assert_eq!(Duration(ms).to_string(), expected);
        check(7, "7 ms");
        check(1_449, "1.4 s");
        check(187_000, "3:07");
        check(3_723_000, "1:02:03");
    }
}
