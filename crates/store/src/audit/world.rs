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
    /// Claims that are offered.
    pub(super) offers: BTreeSet<i64>,
    /// The highest epoch accepted, by request.
    pub(super) accepted: BTreeMap<i64, i64>,
    /// When a claim was offered, by (request, epoch): its event.
    pub(super) offered_seq: BTreeMap<(i64, i64), i64>,
    /// When a lock was last declared otherwise, by name: its event.
    pub(super) lock_changed: BTreeMap<String, i64>,
    by_name: BTreeMap<(String, String), i64>,
}

impl World {
    pub(super) fn row(&self, noun: &str, id: i64) -> Option<&Delta> {
        self.rows.get(noun)?.get(&id)
    }

    /// The row of a noun that people name.
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
        let row = row.clone();
        if let Some(name) = text(&row, "name") {
            self.by_name.insert((noun.to_owned(), name.to_owned()), id);
        }
        let attempt = || (int(&row, "request_id").unwrap_or(0), int(&row, "epoch").unwrap_or(0));
        match noun {
            "build" => {
                let (request, epoch) = attempt();
                self.accepted.insert(request, epoch);
                set(&mut self.live, id, text(&row, "state") != Some("finished"));
            }
            "claim" => {
                self.offered_seq.entry(attempt()).or_insert(event.seq.0);
                set(&mut self.offers, id, text(&row, "state") == Some("offered"));
            }
            "lock" => {
                let name = text(&row, "name").unwrap_or_default().to_owned();
                self.lock_changed.insert(name, event.seq.0);
            }
            _ => {}
        }
    }
}

fn set(of: &mut BTreeSet<i64>, id: i64, within: bool) {
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
