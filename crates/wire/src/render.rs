//! How stored rows and events look to others: one function for lists and deltas alike.

use serde_json::{Map, Value, json};
use steading_core::words::{Cell, Delta, Event, Field, Kind, Micros, Noun, noun};

/// A row, or the part of a row a delta holds, as JSON. Fields the noun does not have are left out.
#[must_use]
pub fn row(noun: &Noun, cells: &Delta) -> Map<String, Value> {
    let shown = noun.fields.iter().filter_map(|field| {
        cells.get(field.name).map(|cell| (field.name.to_owned(), value(field, cell)))
    });
    shown.collect()
}

/// An event as the stream shows it.
#[must_use]
pub fn event(event: &Event) -> Value {
    let delta = noun(&event.noun).map(|noun| row(noun, &event.delta)).unwrap_or_default();
    json!({
        "seq": event.seq,
        "at": time(event.at),
        "kind": event.kind,
        "version": event.version,
        "noun": event.noun,
        "id": event.noun_id,
        "delta": delta,
    })
}

/// A time as RFC 3339 UTC with microseconds.
#[must_use]
pub fn time(at: Micros) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(stamp) => format!("{stamp:.6}"),
        Err(_) => jiff::Timestamp::UNIX_EPOCH.to_string(),
    }
}

/// The time an RFC 3339 text names.
#[must_use]
pub fn parse_time(text: &str) -> Option<Micros> {
    text.parse::<jiff::Timestamp>().ok().map(|stamp| Micros(stamp.as_microsecond()))
}

fn value(field: &Field, cell: &Cell) -> Value {
    match (field.kind, cell) {
        (_, Cell::Null) => Value::Null,
        (Kind::Time, Cell::Int(us)) => Value::String(time(Micros(*us))),
        (Kind::Bool, Cell::Int(n)) => Value::Bool(*n != 0),
        (Kind::Json, Cell::Text(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        (_, Cell::Int(n)) => json!(n),
        (_, Cell::Text(text)) => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_shown_by_the_kind_of_their_field() {
        let worker = noun("worker").expect("a noun");
        let cells = Delta::from([
            ("id".to_owned(), Cell::Int(3)),
            ("draining".to_owned(), Cell::Int(1)),
            ("labels".to_owned(), Cell::Text(r#"{"os":"linux"}"#.to_owned())),
            ("connected_at".to_owned(), Cell::Int(1_700_000_000_000_001)),
            ("lost_at".to_owned(), Cell::Null),
            ("secret".to_owned(), Cell::Int(1)),
        ]);
        assert_eq!(
            Value::Object(row(worker, &cells)),
            json!({
                "id": 3, "draining": true, "labels": {"os": "linux"},
                "connected_at": "2023-11-14T22:13:20.000001Z", "lost_at": null,
            })
        );
    }

    #[test]
    fn times_survive_the_round_trip() {
        let at = Micros(1_700_000_000_000_000);
        assert_eq!(time(at), "2023-11-14T22:13:20.000000Z");
        assert_eq!(parse_time(&time(at)), Some(at));
    }
}
