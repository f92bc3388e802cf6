//! What changes must set off: each one a buildset of the scheduler that builds each, once, and the
//! newest one of the scheduler that waits.

use std::collections::{BTreeMap, BTreeSet};

use steading_core::words::Event;

use crate::check::text;
use crate::farm::{EACH, QUIET};

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Revisions by the change's id.
    revisions: BTreeMap<i64, String>,
    built: BTreeSet<i64>,
    built_when_quiet: BTreeSet<i64>,
    asked: BTreeSet<String>,
}

impl Changes {
    /// A change is known. Each revision is one change.
    pub(crate) fn change(&mut self, event: &Event) -> Option<String> {
        let revision = text(event, "revision")?;
        let known = self.revisions.values().any(|known| *known == revision);
        let found = known.then(|| format!("{revision} is two changes"));
        self.revisions.insert(event.noun_id, revision);
        found
    }

    /// A buildset was submitted. A scheduler takes each change up once.
    pub(crate) fn buildset(&mut self, event: &Event) -> Vec<String> {
        let scheduler = text(event, "scheduler").unwrap_or_default();
        let changes = text(event, "changes").unwrap_or_default();
        let built = match scheduler.as_str() {
            EACH => &mut self.built,
            QUIET => &mut self.built_when_quiet,
            _ => return Vec::new(),
        };
        let ids =
            changes.trim_matches(['[', ']']).split(',').filter_map(|id| id.trim().parse().ok());
        let twice = ids.filter(|id| !built.insert(*id));
        twice.map(|id| format!("change {id} set off two buildsets of `{scheduler}`")).collect()
    }

    /// Somebody wants this revision built.
    pub(crate) fn asked(&mut self, revision: String) {
        self.asked.insert(revision);
    }

    /// Whether somebody wanted this revision built.
    pub(crate) fn is_asked(&self, revision: &str) -> bool {
        self.asked.contains(revision)
    }

    /// At the end nothing was forgotten.
    pub(crate) fn judge(&self) -> Vec<String> {
        let mut found = Vec::new();
        for id in self.revisions.keys() {
            for (scheduler, built) in [(EACH, &self.built), (QUIET, &self.built_when_quiet)] {
                if !built.contains(id) {
                    found.push(format!("change {id} set off nothing of `{scheduler}`"));
                }
            }
        }
        found
    }
}
