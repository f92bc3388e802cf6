//! A list kept true by events, the way a client of both APIs would keep it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::List;

/// Rows by id, as of an event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Folded {
    noun: &'static str,
    rows: BTreeMap<i64, Value>,
    as_of: i64,
}

impl Folded {
    /// The list as it was read.
    pub(crate) fn new(noun: &'static str, list: &List) -> Folded {
        let id = |row: &Value| row["id"].as_i64().expect("a row has an id");
        let rows = list.items.iter().map(|row| (id(row), row.clone())).collect();
        Folded { noun, rows, as_of: list.as_of }
    }

    /// The event number it is true at.
    pub(crate) fn as_of(&self) -> i64 {
        self.as_of
    }

    /// The same, later: each event's delta laid over the row it is about.
    pub(crate) fn forward(mut self, events: &[Value], to: i64) -> Folded {
        for event in events {
            let seq = event["seq"].as_i64().expect("a number");
            if seq <= self.as_of || event["noun"] != self.noun {
                continue;
            }
            if seq > to {
                break;
            }
            let id = event["id"].as_i64().expect("an id");
            let delta = event["delta"].as_object().expect("a delta").clone();
            match self.rows.entry(id).or_insert_with(|| Value::Object(Default::default())) {
                Value::Object(row) => row.extend(delta),
                other => panic!("row {id} is {other}"),
            }
        }
        self.as_of = to;
        self
    }
}
