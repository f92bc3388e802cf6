//! What somebody paused: the farm, builders, schedulers.

use std::collections::BTreeMap;

use rusqlite::Row;
use steading_core::words::{FarmRow, Micros, Paused};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

statements! {
    FARM = "SELECT paused_by, paused_why, paused_at, draining, troubles FROM farm \
        ORDER BY id LIMIT 1";
    BUILDERS = "SELECT name, paused_by, paused_why, paused_at FROM builder \
        WHERE paused_by IS NOT NULL ORDER BY name";
    BUILDER = "SELECT name, paused_by, paused_why, paused_at FROM builder \
        WHERE name = ?1 AND paused_by IS NOT NULL";
    SCHEDULERS = "SELECT name, paused_by, paused_why, paused_at FROM scheduler \
        WHERE paused_by IS NOT NULL ORDER BY name";
}

impl Read<'_> {
    /// Whether the farm starts builds at all, and why not.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn farm_row(&self) -> Result<FarmRow, Error> {
        let row = self.row(FARM, [], |row| {
            Ok(FarmRow {
                paused: paused(row)?,
                draining: row.get("draining")?,
                troubles: parse::json(row, "troubles")?,
            })
        });
        Ok(row?.unwrap_or_default())
    }

    /// The builders somebody paused, by name.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn paused_builders(&self) -> Result<BTreeMap<String, Paused>, Error> {
        Ok(self.rows(BUILDERS, [], named)?.into_iter().flatten().collect())
    }

    /// The schedulers somebody paused, by name.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn paused_schedulers(&self) -> Result<BTreeMap<String, Paused>, Error> {
        Ok(self.rows(SCHEDULERS, [], named)?.into_iter().flatten().collect())
    }

    pub(crate) fn builder_paused(&self, name: &str) -> Result<Option<Paused>, Error> {
        Ok(self.row(BUILDER, [name], named)?.flatten().map(|(_, paused)| paused))
    }
}

fn named(row: &Row<'_>) -> Result<Option<(String, Paused)>, Error> {
    let name = row.get("name")?;
    Ok(paused(row)?.map(|paused| (name, paused)))
}

fn paused(row: &Row<'_>) -> Result<Option<Paused>, Error> {
    let Some(by) = row.get::<_, Option<String>>("paused_by")? else { return Ok(None) };
    let why = row.get::<_, Option<String>>("paused_why")?.unwrap_or_default();
    let at = parse::time(row, "paused_at")?.unwrap_or(Micros(0));
    Ok(Some(Paused { by, why, at }))
}
