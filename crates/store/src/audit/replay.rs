//! Walks the event stream from its beginning, judges every moment, and compares the end of it with
//! the tables.

use std::collections::BTreeMap;

use steading_core::words::{Cell, Delta, Event, Field, NOUNS, Noun, Seq, noun};

use super::Violation;
use super::moments;
use super::world::World;
use crate::query::{all_sql, row_of};
use crate::{Error, Read};

/// Events read at once.
const BATCH: usize = 1000;

/// Judges the stream as it grows: each moment once. `audit` begins at the beginning; a simulation
/// follows beside the farm.
#[derive(Debug, Default)]
pub struct Follower {
    world: World,
    seq: Seq,
}

impl Follower {
    /// Judges every event since the last call.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn follow(&mut self, r: &Read<'_>) -> Result<Vec<Violation>, Error> {
        let mut found = Vec::new();
        loop {
            let batch = r.events(self.seq, BATCH)?;
            let whole = batch.len() < BATCH;
            for event in &batch {
                self.judge(event, &mut found);
            }
            if whole {
                return Ok(found);
            }
        }
    }

    fn judge(&mut self, event: &Event, found: &mut Vec<Violation>) {
        if event.seq.0 != self.seq.0 + 1 {
            let text = format!("event {} follows event {}: there is a gap", event.seq, self.seq);
            found.push(Violation::new("I9", text));
        }
        self.seq = event.seq;
        found.extend(shape(&self.world, event));
        for check in moments::CHECKS {
            found.extend(check(&self.world, event));
        }
        self.world.apply(event);
    }
}

/// I9 and everything that is judged at a moment of the past.
pub(super) fn events(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    let mut follower = Follower::default();
    let mut found = follower.follow(r)?;
    for noun in NOUNS {
        found.extend(folded(r, &follower.world, noun)?);
    }
    Ok(found)
}

/// An event names a noun and its fields; the first one of a row has all that must be there. What
/// was added to a noun later may be absent, and older events do not name it.
fn shape(world: &World, event: &Event) -> Option<Violation> {
    let broken = |what: &str| {
        let text = format!("event {} ({}) {what}", event.seq, event.kind);
        Some(Violation::new("I9", text))
    };
    let Some(noun) = noun(&event.noun) else { return broken("names no noun") };
    if let Some(field) = event.delta.keys().find(|name| noun.field(name).is_none()) {
        return broken(&format!("sets `{field}`, which a {} does not have", noun.name));
    }
    let first = world.row(noun.name, event.noun_id).is_none();
    let missing = |field: &Field| !field.nullable && !event.delta.contains_key(field.name);
    if first && noun.fields.iter().any(missing) {
        return broken(&format!("is the first of {} {} but not whole", noun.name, event.noun_id));
    }
    None
}

/// Folding all events of a noun yields its table.
fn folded(r: &Read<'_>, world: &World, noun: &'static Noun) -> Result<Vec<Violation>, Error> {
    let rows = r.rows(&all_sql(noun), [], |row| Ok((row.get(0)?, row_of(row, noun.fields)?)))?;
    let rows: BTreeMap<i64, Delta> = rows.into_iter().collect();
    let mut found = Vec::new();
    for (id, row) in &rows {
        let Some(told) = world.row(noun.name, *id) else {
            let text = format!("{} {id} is in its table, but no event made it", noun.name);
            found.push(Violation::new("I9", text));
            continue;
        };
        let said = |field: &String| told.get(field).unwrap_or(&Cell::Null);
        for (field, cell) in row.iter().filter(|(field, cell)| said(field) != *cell) {
            let text = format!(
                "{} {id}: `{field}` is {cell:?} in its table, {:?} by its events",
                noun.name,
                told.get(field)
            );
            found.push(Violation::new("I9", text));
        }
    }
    for (id, _) in world.all(noun.name).filter(|(id, _)| !rows.contains_key(id)) {
        let text = format!("{} {id} has events, but is not in its table", noun.name);
        found.push(Violation::new("I9", text));
    }
    Ok(found)
}
