//! Times and spans the way people say them.

use serde_json::{Map, Value};
use steading_core::words::{Duration, Micros};
use steading_wire::render::parse_time;

/// A field that holds a time.
pub(crate) fn time(row: &Map<String, Value>, field: &str) -> Option<Micros> {
    row.get(field).and_then(Value::as_str).and_then(parse_time)
}

/// How long ago: `just now`, `3 min ago`, `2 days ago`.
pub(crate) fn ago(row: &Map<String, Value>, field: &str, now: Micros) -> String {
    time(row, field).map_or_else(String::new, |at| said(now.since(at)))
}

fn said(span: Duration) -> String {
    let seconds = span.0 / 1000;
    let (count, unit) = match seconds {
        0..=9 => return "just now".to_owned(),
        10..=59 => (seconds, "s"),
        60..=3_599 => (seconds / 60, "min"),
        3_600..=86_399 => (seconds / 3_600, "h"),
        86_400..=172_799 => (1, "day"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} ago")
}

/// From one field to the other; up to now while the second is empty.
pub(crate) fn took(row: &Map<String, Value>, from: &str, to: &str, now: Micros) -> String {
    match time(row, from) {
        Some(began) => time(row, to).unwrap_or(now).since(began).to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_past_is_said_in_one_unit() {
        let check = |seconds: i64, expected: &str| {
            assert_eq!(said(Duration::seconds(seconds)), expected, "{seconds}");
        };
        check(3, "just now");
        check(42, "42 s ago");
        check(61, "1 min ago");
        check(7_300, "2 h ago");
        check(90_000, "1 day ago");
        check(900_000, "10 days ago");
    }

    #[test]
    fn a_span_without_end_lasts_until_now() {
        let now = parse_time("2026-01-01T00:01:00Z").expect("a time");
        let row = json!({"a": "2026-01-01T00:00:00Z", "b": "2026-01-01T00:00:01.5Z", "c": null});
        let row = row.as_object().expect("an object");
        assert_eq!(took(row, "a", "b", now), "1.5 s");
        assert_eq!(took(row, "a", "c", now), "1:00");
        assert_eq!(took(row, "c", "a", now), "");
    }
}
