//! Configurations: stored whole; builders, schedulers and locks follow the newest one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use steading_core::farm::{Farm, Scheduler};
use steading_core::words::{
    BuilderId, Cell, ConfigId, Delta, EventKind, LockId, SchedulerId, noun,
};

use super::row::{Cells, cells, json};
use crate::query::row_of;
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    BY_HASH = "SELECT id FROM configuration WHERE hash = ?1";
    EXISTS = "SELECT id FROM configuration WHERE id = ?1";
    LATEST = "SELECT COALESCE(MAX(applied_at), 0) FROM configuration";
}

/// A configuration's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationText {
    /// BLAKE3 of its texts.
    pub hash: String,
    /// What evaluated it, with version.
    pub evaluator: String,
    /// Every file it consists of: text by name.
    pub files: BTreeMap<String, String>,
}

/// A noun that configurations declare.
struct Declared {
    noun: &'static str,
    kind: EventKind,
}

const BUILDER: Declared = Declared { noun: BuilderId::NOUN, kind: EventKind::BuilderConfigured };
const SCHEDULER: Declared =
    Declared { noun: SchedulerId::NOUN, kind: EventKind::SchedulerConfigured };
const LOCK: Declared = Declared { noun: LockId::NOUN, kind: EventKind::LockConfigured };

impl Write<'_> {
    /// Makes a configuration the farm's: stores its texts unless known by hash, and brings
    /// builders, schedulers and locks up to it. Only differences make events; what it no longer
    /// declares becomes inactive.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn apply_configuration(
        &mut self,
        text: &ConfigurationText,
        farm: &Farm,
    ) -> Result<ConfigId, Error> {
        let id = self.store_configuration(text)?;
        self.declare(&BUILDER, id, builder_rows(farm))?;
        self.declare(&SCHEDULER, id, scheduler_rows(farm))?;
        self.declare(&LOCK, id, lock_rows(farm))?;
        Ok(id)
    }

    fn store_configuration(&mut self, text: &ConfigurationText) -> Result<ConfigId, Error> {
        // The newest by (applied_at, id) is the farm's; a clock set back must not hide this one.
        let applied_at = self.now().0.max(self.int(LATEST, [])? + 1);
        let kind = EventKind::ConfigurationApplied;
        if let Some(id) = self.row(BY_HASH, [&text.hash], |row| Ok(ConfigId(row.get(0)?)))? {
            if self.current_configuration()? != Some(id) {
                self.patch(kind, ConfigId::NOUN, id.0, cells! { applied_at: applied_at })?;
            }
            return Ok(id);
        }
        let names: Vec<&String> = text.files.keys().collect();
        let cells = cells! {
            hash: &text.hash, evaluator: &text.evaluator, files: json(&names),
            applied_at: applied_at,
        };
        let hidden = cells! { texts: json(&text.files) };
        Ok(ConfigId(self.insert(kind, ConfigId::NOUN, cells, hidden)?))
    }

    /// Brings one noun's rows up to the declared ones, by name.
    fn declare(
        &mut self,
        what: &Declared,
        configuration: ConfigId,
        declared: BTreeMap<&str, Cells>,
    ) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for (id, row) in self.declared_rows(what)? {
            let Some(Cell::Text(name)) = row.get("name") else { continue };
            let cells = declared.get(name.as_str());
            let inactive = cells! { active: false };
            let wanted = cells.unwrap_or(&inactive);
            let mut changed: Cells =
                wanted.iter().filter(|(f, c)| row.get(*f) != Some(c)).cloned().collect();
            if !changed.is_empty() {
                changed.extend(cells.map(|_| ("configuration_id", Cell::Int(configuration.0))));
                self.patch(what.kind, what.noun, id, changed)?;
            }
            seen.insert(name.clone());
        }
        for (name, mut cells) in declared.into_iter().filter(|(name, _)| !seen.contains(*name)) {
            cells.extend(cells! { name: name, configuration_id: configuration.0 });
            self.insert(what.kind, what.noun, cells, vec![])?;
        }
        Ok(())
    }

    fn declared_rows(&self, what: &Declared) -> Result<Vec<(i64, Delta)>, Error> {
        let noun = noun(what.noun).expect("builder, scheduler and lock are nouns");
        let sql = crate::query::all_sql(noun);
        self.rows(&sql, [], |row| Ok((row.get(0)?, row_of(row, noun.fields)?)))
    }

    pub(super) fn require_configuration(&self, id: ConfigId) -> Result<(), Error> {
        let found = self.row(EXISTS, [id.0], |_| Ok(()))?;
        found.ok_or_else(|| Error::not_found(ConfigId::NOUN, id))
    }
}

fn builder_rows(farm: &Farm) -> BTreeMap<&str, Cells> {
    let row = |b: &steading_core::farm::Builder| {
        let steps: Vec<&String> = b.plan.steps.iter().map(|s| &s.name).collect();
        cells! {
            active: true, requires: json(&b.requires), locks: json(&b.locks), steps: json(&steps),
            max_builds: b.max_builds,
        }
    };
    farm.builders.iter().map(|(name, builder)| (name.as_str(), row(builder))).collect()
}

fn scheduler_rows(farm: &Farm) -> BTreeMap<&str, Cells> {
    let row = |scheduler: &Scheduler| {
        let (kind, builders, spec) = match scheduler {
            Scheduler::OnChange(s) => ("on_change", &s.builders, spec(s)),
            Scheduler::Force(s) => ("force", &s.builders, spec(s)),
        };
        cells! { kind: kind, active: true, builders: json(builders), spec: json(&spec) }
    };
    farm.schedulers.iter().map(|(name, scheduler)| (name.as_str(), row(scheduler))).collect()
}

fn spec<T: serde::Serialize>(scheduler: &T) -> Json {
    serde_json::to_value(scheduler).expect("a declaration always serializes")
}

fn lock_rows(farm: &Farm) -> BTreeMap<&str, Cells> {
    let row = |lock: &steading_core::farm::Lock| {
        cells! { active: true, per_worker: lock.per_worker, capacity: json(&lock.capacity) }
    };
    farm.locks.iter().map(|(name, lock)| (name.as_str(), row(lock))).collect()
}
