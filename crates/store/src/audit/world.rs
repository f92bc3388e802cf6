//! The farm as the event stream tells it, up to some moment.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use steading_core::words::{Cell, Delta, Event};

/// Rows folded from events, and the few sets that would be slow to look for.
#[derive(Debug, Default)]
pub(super) struct World {
    rows: BTreeMap<String, BTreeMap<i64, Delta>>,
    /// Builds that are not finished.
    pub(super) live: BTreeSet<i64>,
    /// The same, as (request, build).
    pub(super) live_attempts: BTreeSet<(i64, i64)>,
    /// Claims that are offered.
    pub(super) offers: BTreeSet<i64>,
    /// The highest epoch accepted, by request.
    pub(super) accepted: BTreeMap<i64, i64>,
    /// When a claim was offered, by (request, epoch): its event.
    pub(super) offered_seq: BTreeMap<(i64, i64), i64>,
    /// When a lock was last declared otherwise, by name: its event.
    pub(super) lock_changed: BTreeMap<String, i64>,
    /// When `max_builds` of a builder or worker last became another, by noun and name: its event.
    pub(super) limit_changed: BTreeMap<(String, String), i64>,
    /// Steps that run, and since which event.
    pub(super) running_steps: BTreeMap<i64, i64>,
    by_name: BTreeMap<(String, String), i64>,
}

impl World {
    pub(super) fn row(&self, noun: &str, id: i64) -> Option<&Delta> {
        self.rows.get(noun)?.get(&id)
    }

    /// The row of a worker, builder or lock, by name.
    pub(super) fn named(&self, noun: &str, name: &str) -> Option<&Delta> {
        self.row(noun, *self.by_name.get(&(noun.to_owned(), name.to_owned()))?)
    }

    /// Every row of a noun, by id.
    pub(super) fn all(&self, noun: &str) -> impl Iterator<Item = (i64, &Delta)> {
        self.rows.get(noun).into_iter().flatten().map(|(id, row)| (*id, row))
    }

    /// Folds one event in.
    pub(super) fn apply(&mut self, event: &Event) {
        let (noun, id) = (event.noun.as_str(), event.noun_id);
        let row = self.rows.entry(noun.to_owned()).or_default().entry(id).or_default();
        row.extend(event.delta.iter().map(|(field, cell)| (field.clone(), cell.clone())));
        let name = text(row, "name").unwrap_or_default().to_owned();
        let attempt = (int(row, "request_id").unwrap_or(0), int(row, "epoch").unwrap_or(0));
        let (finished, offered) =
            (text(row, "state") == Some("finished"), text(row, "state") == Some("offered"));
        match noun {
            "build" => {
                self.accepted.insert(attempt.0, attempt.1);
                set(&mut self.live, id, !finished);
                set(&mut self.live_attempts, (attempt.0, id), !finished);
            }
            "claim" => {
                self.offered_seq.entry(attempt).or_insert(event.seq.0);
                set(&mut self.offers, id, offered);
            }
            "lock" => {
                self.lock_changed.insert(name.clone(), event.seq.0);
                self.by_name.insert((noun.to_owned(), name), id);
            }
            "worker" | "builder" => {
                let key = (noun.to_owned(), name);
                if event.delta.contains_key("max_builds") {
                    self.limit_changed.insert(key.clone(), event.seq.0);
                }
                self.by_name.insert(key, id);
            }
            "step" if text(row, "state") == Some("running") => {
                self.running_steps.entry(id).or_insert(event.seq.0);
            }
            "step" => {
                self.running_steps.remove(&id);
            }
            _ => {}
        }
    }
}

fn set<T: Ord>(of: &mut BTreeSet<T>, id: T, within: bool) {
    if within {
        of.insert(id);
    } else {
        of.remove(&id);
    }
}

/// A text field of a row.
pub(super) fn text<'a>(row: &'a Delta, field: &str) -> Option<&'a str> {
    match row.get(field) {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    }
}

/// An integer field of a row.
pub(super) fn int(row: &Delta, field: &str) -> Option<i64> {
    match row.get(field) {
        Some(Cell::Int(number)) => Some(*number),
        _ => None,
    }
}

/// A structure field of a row.
pub(super) fn json<T: DeserializeOwned>(row: &Delta, field: &str) -> Option<T> {
    serde_json::from_str(text(row, field)?).ok()
}
