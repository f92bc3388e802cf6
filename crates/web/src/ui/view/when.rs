//! Times as people read them: how long ago, and how long it took.

use serde::Serialize;
use steading_core::words::{Duration, Micros};
use steading_wire::render;

/// A moment, with the words for it as of the page's rendering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct When {
    /// RFC 3339, for machines and for the tooltip.
    pub(crate) iso: String,
    /// `4 min ago`.
    pub(crate) text: String,
}

/// A span; one that is not over knows when it began, so that it can go on on the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Lasts {
    /// `3:07`.
    pub(crate) text: String,
    /// When it began, if it is not over.
    pub(crate) since: Option<String>,
}

/// How long before `now` that was.
pub(crate) fn ago(at: Micros, now: Micros) -> When {
    When { iso: render::time(at), text: words_ago(now.since(at)) }
}

/// From `start` to `end`, or to `now` when it is not over.
pub(crate) fn lasts(start: Micros, end: Option<Micros>, now: Micros) -> Lasts {
    match end {
        Some(end) => Lasts { text: end.since(start).to_string(), since: None },
        None => Lasts { text: now.since(start).to_string(), since: Some(render::time(start)) },
    }
}

/// A span in rough words: `4 min`, `2 h 10 min`, `3 days`.
pub(crate) fn roughly(span: Duration) -> String {
    let seconds = span.0 / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..36_000 if (seconds / 60) % 60 > 0 => {
            format!("{} h {} min", seconds / 3600, (seconds / 60) % 60)
        }
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn words_ago(span: Duration) -> String {
    if span.0 < 5_000 { "just now".to_owned() } else { format!("{} ago", roughly(span)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rough_where_exactness_helps_nobody() {
        let check = |s, expected: &str| assert_eq!(words_ago(Duration::seconds(s)), expected);
        check(2, "just now");
        check(59, "59 s ago");
        check(250, "4 min ago");
        check(7_800, "2 h 10 min ago");
        check(7_200, "2 h ago");
        check(90_000, "25 h ago");
        check(260_000, "3 days ago");
    }

    #[test]
    fn only_what_is_not_over_goes_on() {
        let start = Micros(1_000_000);
        let over = lasts(start, Some(Micros(188_000_000)), Micros(0));
        assert_eq!((over.text.as_str(), over.since), ("3:07", None));
        let on = lasts(start, None, Micros(3_000_000));
        assert_eq!(on.text, "2.0 s");
        assert_eq!(on.since.as_deref(), Some("1970-01-01T00:00:01.000000Z"));
    }
}
