//! How stored rows and events look to others: one way for lists and deltas alike, written straight
//! into the text that is sent.

use std::io::Write as _;

use serde::Serialize;
use serde::de::IgnoredAny;
use steading_core::words::{CellRef, Delta, Event, Field, Kind, Micros, Noun, noun};

/// A list (`rest::List`) that is written row by row.
#[derive(Debug)]
pub struct List {
    text: Vec<u8>,
    rows: usize,
}

impl Default for List {
    fn default() -> List {
        List { text: b"{\"items\":[".to_vec(), rows: 0 }
    }
}

impl List {
    /// Writes the next row; what `fill` says is handed back.
    pub fn row<T>(&mut self, fill: impl FnOnce(&mut Object<'_>) -> T) -> T {
        if self.rows > 0 {
            self.text.push(b',');
        }
        self.rows += 1;
        object(&mut self.text, fill)
    }

    /// The whole of it, as JSON.
    #[must_use]
    pub fn end(mut self, next: Option<&str>, as_of: i64) -> Vec<u8> {
        self.text.extend_from_slice(b"],\"next\":");
        json(&mut self.text, &next);
        self.text.extend_from_slice(b",\"as_of\":");
        json(&mut self.text, &as_of);
        self.text.push(b'}');
        self.text
    }
}

/// One row (`rest::Item`), as JSON.
#[must_use]
pub fn item(noun: &Noun, cells: &Delta, as_of: i64) -> Vec<u8> {
    let mut text = Vec::new();
    object(&mut text, |shown| {
        row(shown.name("item"), noun, cells);
        shown.value("as_of", &as_of);
    });
    text
}

/// An event as the stream shows it.
#[must_use]
pub fn event(event: &Event) -> String {
    let mut text = Vec::new();
    object(&mut text, |shown| {
        shown.value("seq", &event.seq);
        shown.value("at", &time(event.at));
        shown.value("kind", &event.kind);
        shown.value("version", &event.version);
        shown.value("noun", &event.noun);
        shown.value("id", &event.noun_id);
        match noun(&event.noun) {
            Some(noun) => row(shown.name("delta"), noun, &event.delta),
            None => shown.name("delta").extend_from_slice(b"{}"),
        }
    });
    String::from_utf8(text).expect("JSON is text")
}

/// A row, or the part of one that a delta holds. Fields the noun does not have are left out.
fn row(text: &mut Vec<u8>, noun: &Noun, cells: &Delta) {
    object(text, |shown| {
        for field in noun.fields {
            if let Some(cell) = cells.get(field.name) {
                shown.field(field, cell.lent());
            }
        }
    });
}

/// A JSON object that is being written.
#[derive(Debug)]
pub struct Object<'t> {
    text: &'t mut Vec<u8>,
    /// Where it begins.
    begin: usize,
}

/// Writes an object; what `fill` says is handed back.
fn object<T>(text: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>) -> T) -> T {
    text.push(b'{');
    let begin = text.len();
    let said = fill(&mut Object { text, begin });
    text.push(b'}');
    said
}

impl Object<'_> {
    /// A field of a noun, by its kind.
    pub fn field(&mut self, field: &Field, cell: CellRef<'_>) {
        let text = self.name(field.name);
        match (field.kind, cell) {
            (_, CellRef::Null) => text.extend_from_slice(b"null"),
            (Kind::Time, CellRef::Int(us)) => {
                text.push(b'"');
                write_time(text, Micros(us));
                text.push(b'"');
            }
            (Kind::Bool, CellRef::Int(number)) => json(text, &(number != 0)),
            (Kind::Json, CellRef::Text(stored)) => {
                // It was written as JSON; should it be none, the answer is whole all the same.
                let is_json = serde_json::from_str::<IgnoredAny>(stored).is_ok();
                text.extend_from_slice(if is_json { stored.as_bytes() } else { b"null" });
            }
            (_, CellRef::Int(number)) => json(text, &number),
            (_, CellRef::Text(stored)) => json(text, stored),
        }
    }

    fn value(&mut self, name: &str, value: &impl Serialize) {
        json(self.name(name), value);
    }

    /// Names what comes next: a word that needs no quoting.
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if self.text.len() > self.begin {
            self.text.push(b',');
        }
        self.text.push(b'"');
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
        self.text
    }
}

fn json<T: Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).expect("memory takes plain words and numbers");
}

/// A time as RFC 3339 UTC with microseconds.
#[must_use]
pub fn time(at: Micros) -> String {
    let mut text = Vec::new();
    write_time(&mut text, at);
    String::from_utf8(text).expect("digits are text")
}

fn write_time(text: &mut Vec<u8>, at: Micros) {
    let stamp = jiff::Timestamp::from_microsecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let t = jiff::tz::Offset::UTC.to_datetime(stamp);
    if t.year() < 0 {
        // Before year 0 there is a sign, and nobody's clock.
        let _ = write!(text, "{stamp:.6}");
        return;
    }
    let mut digits = *b"0000-00-00T00:00:00.000000Z";
    put(&mut digits[0..4], i32::from(t.year()));
    put(&mut digits[5..7], i32::from(t.month()));
    put(&mut digits[8..10], i32::from(t.day()));
    put(&mut digits[11..13], i32::from(t.hour()));
    put(&mut digits[14..16], i32::from(t.minute()));
    put(&mut digits[17..19], i32::from(t.second()));
    put(&mut digits[20..26], t.subsec_nanosecond() / 1_000);
    text.extend_from_slice(&digits);
}

/// Writes the last digits of a number.
fn put(places: &mut [u8], mut number: i32) {
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
}

/// The time an RFC 3339 text names.
#[must_use]
pub fn parse_time(text: &str) -> Option<Micros> {
    text.parse::<jiff::Timestamp>().ok().map(|stamp| Micros(stamp.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use steading_core::words::{Cell, Seq};

    use super::*;
    use crate::rest;

    fn cells() -> Delta {
        Delta::from([
            ("id".to_owned(), Cell::Int(3)),
            ("name".to_owned(), Cell::from("a \"barn\"\n")),
            ("draining".to_owned(), Cell::Int(1)),
            ("labels".to_owned(), Cell::from(r#"{"os":"linux"}"#)),
            ("facts".to_owned(), Cell::from("{ broken")),
            ("connected_at".to_owned(), Cell::Int(1_700_000_000_000_001)),
            ("lost_at".to_owned(), Cell::Null),
            ("secret".to_owned(), Cell::Int(1)),
        ])
    }

    fn shown() -> Value {
        json!({
            "id": 3, "name": "a \"barn\"\n", "draining": true, "labels": {"os": "linux"},
            "facts": null, "connected_at": "2023-11-14T22:13:20.000001Z", "lost_at": null,
        })
    }

    #[test]
    fn cells_are_shown_by_the_kind_of_their_field() {
        let worker = noun("worker").expect("a noun");
        let item: rest::Item =
            serde_json::from_slice(&item(worker, &cells(), 17)).expect("an item");
        assert_eq!((Value::Object(item.item), item.as_of), (shown(), 17));
    }

    #[test]
    fn an_event_shows_its_delta_like_a_row() {
        let (kind, noun) = ("worker.connected".to_owned(), "worker".to_owned());
        let (seq, at) = (Seq(17), Micros(1_700_000_000_000_000));
        let told = Event { seq, at, kind, version: 1, noun, noun_id: 3, delta: cells() };
        let said: Value = serde_json::from_str(&event(&told)).expect("JSON");
        assert_eq!(
            said,
            json!({
                "seq": 17, "at": "2023-11-14T22:13:20.000000Z", "kind": "worker.connected",
                "version": 1, "noun": "worker", "id": 3, "delta": shown(),
            })
        );
        let strange = Event { noun: "gnome".to_owned(), ..told };
        let said: Value = serde_json::from_str(&event(&strange)).expect("JSON");
        assert_eq!(said["delta"], json!({}));
    }

    #[test]
    fn a_list_is_what_its_readers_read() {
        let worker = noun("worker").expect("a noun");
        for rows in 0..3_usize {
            let mut list = List::default();
            for id in 0..rows {
                let id = CellRef::Int(i64::try_from(id).expect("few"));
                list.row(|shown| shown.field(&worker.fields[0], id));
            }
            let next = (rows > 1).then_some("abc");
            let read: rest::List = serde_json::from_slice(&list.end(next, 9)).expect("a list");
            let ids: Vec<i64> = read.items.iter().filter_map(|row| row["id"].as_i64()).collect();
            assert_eq!(ids, (0..i64::try_from(rows).expect("few")).collect::<Vec<_>>());
            assert_eq!((read.next.as_deref(), read.as_of), (next, 9));
        }
    }

    #[test]
    fn times_are_those_of_the_calendar_and_survive_the_round_trip() {
        let check = |at: i64, expected: &str| assert_eq!(time(Micros(at)), expected);
        check(1_700_000_000_000_000, "2023-11-14T22:13:20.000000Z");
        check(0, "1970-01-01T00:00:00.000000Z");
        check(-1, "1969-12-31T23:59:59.999999Z");
        check(i64::MAX, "1970-01-01T00:00:00.000000Z");
        for days in -1_000_000..1_000_000_i64 {
            let at = Micros(days * 86_400_000_000 + days * 7_919 % 86_400_000_000);
            let Ok(stamp) = jiff::Timestamp::from_microsecond(at.0) else { continue };
            if days % 97 == 0 {
                assert_eq!(time(at), format!("{stamp:.6}"));
                assert_eq!(parse_time(&time(at)), Some(at));
            }
        }
    }
}
