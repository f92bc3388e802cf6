//! The farm as its events tell it up to some moment, folded by this crate's own code.

use std::collections::BTreeMap;

use steading_core::words::{Cell, Delta, Event};

/// The nouns that a match is decided on.
const NOUNS: [&str; 8] =
    ["request", "claim", "build", "step", "worker", "builder", "farm", "configuration"];

/// Rows by noun and id.
#[derive(Debug, Default, Clone)]
pub(super) struct Facts {
    rows: BTreeMap<&'static str, BTreeMap<i64, Delta>>,
    /// Claims and builds by (request, epoch).
    tries: BTreeMap<(&'static str, i64, i64), i64>,
    /// By worker, the newest build of all when it was last clean.
    clean_at: BTreeMap<i64, i64>,
    /// The configuration in force.
    configuration: Option<i64>,
}

/// The noun of an event, if matches are decided on it.
pub(super) fn noun(event: &Event) -> Option<&'static str> {
    NOUNS.into_iter().find(|noun| *noun == event.noun)
}

impl Facts {
    /// One event more.
    pub(super) fn fold(&mut self, event: &Event) {
        let Some(noun) = noun(event) else { return };
        let id = event.noun_id;
        match noun {
            "configuration" => self.configuration = Some(id),
            "worker" => {
                if int(&event.delta, "reset_every").is_some() {
                    self.clean_at.insert(id, 0);
                }
                if int(&event.delta, "reset_at").is_some() {
                    let newest = self.all("build").map(|(id, _)| id).max();
                    self.clean_at.insert(id, newest.unwrap_or(0));
                }
            }
            _ => {}
        }
        let row = self.rows.entry(noun).or_default().entry(id).or_default();
        row.extend(event.delta.iter().map(|(field, cell)| (field.clone(), cell.clone())));
        if let (Some(request), Some(epoch)) = (int(row, "request_id"), int(row, "epoch")) {
            self.tries.insert((noun, request, epoch), id);
        }
    }

    /// Every row of a noun, by id.
    pub(super) fn all(&self, noun: &'static str) -> impl Iterator<Item = (i64, &Delta)> {
        self.rows.get(noun).into_iter().flatten().map(|(id, row)| (*id, row))
    }

    /// A row.
    pub(super) fn row(&self, noun: &'static str, id: i64) -> Option<&Delta> {
        self.rows.get(noun)?.get(&id)
    }

    /// The claim or the build of an attempt.
    pub(super) fn of_attempt(
        &self,
        noun: &'static str,
        request: i64,
        epoch: i64,
    ) -> Option<&Delta> {
        self.row(noun, *self.tries.get(&(noun, request, epoch))?)
    }

    /// The hash of the configuration in force.
    pub(super) fn configuration(&self) -> Option<&str> {
        text(self.row("configuration", self.configuration?)?, "hash")
    }

    /// How many builds a worker began since it was clean.
    pub(super) fn builds_since_clean(&self, id: i64, name: &str) -> usize {
        let Some(clean_at) = self.clean_at.get(&id) else { return 0 };
        let since = self.all("build").filter(|(build, _)| build > clean_at);
        since.filter(|(_, build)| text(build, "worker") == Some(name)).count()
    }
}

/// A text field of a row.
pub(super) fn text<'a>(row: &'a Delta, field: &str) -> Option<&'a str> {
    match row.get(field) {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    }
}

/// A number of a row.
pub(super) fn int(row: &Delta, field: &str) -> Option<i64> {
    match row.get(field) {
        Some(Cell::Int(number)) => Some(*number),
        _ => None,
    }
}

/// Whether something is wrong with a machine or the farm.
pub(super) fn is_troubled(row: &Delta) -> bool {
    text(row, "troubles").is_some_and(|troubles| troubles != "[]")
}
