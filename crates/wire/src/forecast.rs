//! When a waiting request will start, as a body and as the words that every face says it with.

use serde::{Deserialize, Serialize};
use steading_core::forecast;
use steading_core::words::Duration;
use utoipa::ToSchema;

/// When a waiting request is expected to start, if nothing more is submitted: milliseconds from the
/// event number the answer was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StartsIn {
    /// If every build takes as long as half of its builder's do.
    pub p50: i64,
    /// If every build takes as long as nine of ten of its builder's do.
    pub p90: i64,
    /// Whether `p50` is not when it starts, but how far it was followed: it starts later.
    #[serde(default)]
    pub p50_or_later: bool,
    /// The same of `p90`.
    #[serde(default)]
    pub p90_or_later: bool,
    /// Whether it rests on a builder that never ended green: then the farm's median stood in.
    #[serde(default)]
    pub guess: bool,
}

/// When it would start if one thing were different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhatIf {
    /// The difference: "one more worker like `barn`", "priority 10".
    pub change: String,
    /// When it would start then; null when nothing starts it by itself then either.
    pub starts_in_ms: Option<StartsIn>,
    /// By how many milliseconds earlier that is: 0 is no difference, negative is later; null when
    /// one of the two times is not known.
    pub sooner_ms: Option<i64>,
}

impl StartsIn {
    /// What the forecast found; `None` when nothing will start it by itself.
    #[must_use]
    pub fn of(expected: &forecast::Expected) -> Option<StartsIn> {
        let (p50, p50_or_later) = number(expected.p50)?;
        // It is known to start, and not how late it may become: at least not before.
        let (p90, p90_or_later) = number(expected.p90).unwrap_or((p50, true));
        Some(StartsIn { p50, p90, p50_or_later, p90_or_later, guess: expected.guess })
    }

    /// `2:30 (likely within 4:10)`, `right away`, `more than 3:20:00`.
    #[must_use]
    pub fn text(&self) -> String {
        let (p50, p90) = (span(self.p50), span(self.p90));
        let guess = if self.guess { "; a guess" } else { "" };
        match (self.p50_or_later, self.p90_or_later) {
            (true, _) => format!("more than {p50}"),
            (false, false) if self.p90 == 0 => "right away".to_owned(),
            (false, false) if p50 != p90 => format!("{p50} (likely within {p90}{guess})"),
            _ if self.guess => format!("{p50} (a guess)"),
            _ => p50,
        }
    }

    /// `starts in about 2:30 (likely within 4:10)`, `starts right away`.
    #[must_use]
    pub fn sentence(&self) -> String {
        match (self.p50_or_later, self.p90_or_later || self.p90 > 0) {
            (true, _) => format!("starts in {}", self.text()),
            (false, false) => format!("starts {}", self.text()),
            (false, true) => format!("starts in about {}", self.text()),
        }
    }
}

impl WhatIf {
    /// What the forecast found.
    #[must_use]
    pub fn of(found: &forecast::WhatIf) -> WhatIf {
        WhatIf {
            change: match &found.change {
                forecast::Change::OneMoreWorker { like } => {
                    format!("one more worker like `{like}`")
                }
                forecast::Change::Priority(priority) => format!("priority {priority}"),
            },
            starts_in_ms: StartsIn::of(&found.expected),
            sooner_ms: found.sooner_ms,
        }
    }

    /// `with priority 10 it starts in about 10 s (likely within 12 s), 1:50 sooner`,
    /// `with priority 10: no difference`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let with = format!("with {}", self.change);
        let Some(then) = self.starts_in_ms else {
            return match self.sooner_ms {
                Some(0) => format!("{with}: no difference"),
                _ => format!("{with}: not known"),
            };
        };
        let then = then.sentence();
        match self.sooner_ms {
            Some(0) => format!("{with}: no difference"),
            Some(ms) if ms > 0 => format!("{with} it {then}, {} sooner", span(ms)),
            Some(ms) => format!("{with} it {then}, {} later", span(ms.saturating_neg())),
            None => format!("{with} it {then}"),
        }
    }
}

fn number(start: forecast::Start) -> Option<(i64, bool)> {
    match start {
        forecast::Start::In(span) => Some((span.0, false)),
        forecast::Start::LaterThan(span) => Some((span.0, true)),
        forecast::Start::Unknown => None,
    }
}

/// In whole seconds, rounded up: a forecast is no more exact.
fn span(ms: i64) -> String {
    let seconds = ms.max(1).saturating_add(999) / 1000;
    if seconds < 60 { format!("{seconds} s") } else { Duration::seconds(seconds).to_string() }
}

#[cfg(test)]
mod tests {
    use steading_core::forecast::{Expected, Start};

    use super::*;

    fn expected(p50: Start, p90: Start, guess: bool) -> Option<StartsIn> {
        StartsIn::of(&Expected { p50, p90, guess })
    }

    #[test]
    fn a_forecast_is_said_in_a_few_words() {
        let at = |ms| Start::In(Duration(ms));
        let later = |ms| Start::LaterThan(Duration(ms));
        let check = |p50, p90, guess, words: Option<&str>| {
            let found = expected(p50, p90, guess).map(|starts| starts.sentence());
            assert_eq!(found.as_deref(), words);
        };
        let likely = "starts in about 2:30 (likely within 4:10)";
        check(at(150_000), at(250_000), false, Some(likely));
        let guess = "starts in about 3 s (likely within 43 s; a guess)";
        check(at(2_500), at(42_900), true, Some(guess));
        check(at(0), at(0), false, Some("starts right away"));
        check(at(0), at(5_000), false, Some("starts in about 1 s (likely within 5 s)"));
        check(at(5_000), at(5_000), false, Some("starts in about 5 s"));
        check(
            at(90_000),
            at(90_400),
            true,
            Some("starts in about 1:30 (likely within 1:31; a guess)"),
        );
        check(at(717), at(900), true, Some("starts in about 1 s (a guess)"));
        check(at(150_000), later(900_000), false, Some("starts in about 2:30"));
        check(at(150_000), Start::Unknown, true, Some("starts in about 2:30 (a guess)"));
        check(later(12_000_000), later(1), false, Some("starts in more than 3:20:00"));
        check(Start::Unknown, Start::Unknown, false, None);
    }

    #[test]
    fn a_what_if_says_what_comes_of_it() {
        let starts = StartsIn {
            p50: 10_000,
            p90: 12_000,
            p50_or_later: false,
            p90_or_later: false,
            guess: false,
        };
        let check = |starts_in_ms, sooner_ms, words: &str| {
            let found = WhatIf { change: "priority 10".to_owned(), starts_in_ms, sooner_ms };
            assert_eq!(found.sentence(), words);
        };
        let then = "with priority 10 it starts in about 10 s (likely within 12 s)";
        check(Some(starts), Some(110_000), &format!("{then}, 1:50 sooner"));
        check(Some(starts), Some(-5_000), &format!("{then}, 5 s later"));
        check(Some(starts), None, then);
        check(Some(starts), Some(0), "with priority 10: no difference");
        check(None, Some(0), "with priority 10: no difference");
        check(None, None, "with priority 10: not known");
    }
}
