//! Who holds back what: the whole farm, a builder, a scheduler. Workers have a file of their own.

use steading_core::words::{
    BuilderId, EventKind, FarmId, FarmRow, Micros, Reason, SchedulerId, noun,
};

use super::row::{Cells, cells, json};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    FARM = "SELECT id FROM farm ORDER BY id LIMIT 1";
    BUILDER = "SELECT id, paused_by, paused_why FROM builder WHERE name = ?1";
    SCHEDULER = "SELECT id, paused_by, paused_why FROM scheduler WHERE name = ?1";
}

/// Something with a name that can be paused.
struct Pausable {
    noun: &'static str,
    find: &'static str,
    kind: EventKind,
}

const BUILDERS: Pausable =
    Pausable { noun: BuilderId::NOUN, find: BUILDER, kind: EventKind::BuilderFlagged };
const SCHEDULERS: Pausable =
    Pausable { noun: SchedulerId::NOUN, find: SCHEDULER, kind: EventKind::SchedulerFlagged };

impl Write<'_> {
    /// Nothing of the builder is started until it is resumed; its requests wait.
    ///
    /// # Errors
    /// `NotFound` when no configuration ever declared it.
    pub fn pause_builder(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        self.hold(&BUILDERS, name, Some((by, why)), paused(by, why, self.now()))
    }

    /// The builder's requests are started again.
    ///
    /// # Errors
    /// `NotFound` when no configuration ever declared it.
    pub fn resume_builder(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        self.hold(&BUILDERS, name, None, unpaused(by, why))
    }

    /// The scheduler submits nothing until it is resumed; what it sees meanwhile it keeps, and a
    /// person who asks is refused.
    ///
    /// # Errors
    /// `NotFound` when no configuration ever declared it.
    pub fn pause_scheduler(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        self.hold(&SCHEDULERS, name, Some((by, why)), paused(by, why, self.now()))
    }

    /// The scheduler submits again, what it kept first.
    ///
    /// # Errors
    /// `NotFound` when no configuration ever declared it.
    pub fn resume_scheduler(&mut self, name: &str, by: &str, why: &str) -> Result<(), Error> {
        self.hold(&SCHEDULERS, name, None, unpaused(by, why))
    }

    /// Nothing is started until the farm is resumed; with `draining`, to become quiet.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn pause_farm(&mut self, by: &str, why: &str, draining: bool) -> Result<(), Error> {
        let known = self.farm_row()?;
        let same = known.paused.is_some_and(|p| p.by == by && p.why == why);
        if same && known.draining == draining {
            return Ok(());
        }
        let mut cells = paused(by, why, self.now());
        cells.extend(cells! { draining: draining });
        self.set_farm(EventKind::FarmFlagged, cells)
    }

    /// The farm starts builds again, unless it found a reason of its own not to.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn resume_farm(&mut self, by: &str, why: &str) -> Result<(), Error> {
        if self.farm_row()?.paused.is_none() {
            return Ok(());
        }
        let mut cells = unpaused(by, why);
        cells.extend(cells! { draining: false });
        self.set_farm(EventKind::FarmFlagged, cells)
    }

    /// The farm found a reason to hold everything back, or found that it is gone: one of each code.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn farm_trouble(&mut self, code: &str, text: Option<&str>) -> Result<(), Error> {
        let FarmRow { mut troubles, .. } = self.farm_row()?;
        let before = troubles.clone();
        troubles.retain(|trouble| trouble.code != code);
        troubles.extend(text.map(|text| Reason::new(code, text)));
        troubles.sort_by(|a, b| a.code.cmp(&b.code));
        if troubles == before {
            return Ok(());
        }
        self.set_farm(EventKind::FarmTroubled, cells! { troubles: json(&troubles) })
    }

    /// The farm's one row: made when there is something to say of it.
    fn set_farm(&mut self, kind: EventKind, cells: Cells) -> Result<(), Error> {
        debug_assert!(noun(FarmId::NOUN).is_some());
        if let Some(id) = self.row(FARM, [], |row| Ok(row.get::<_, i64>(0)?))? {
            return self.patch(kind, FarmId::NOUN, id, cells);
        }
        let given = |field: &str| cells.iter().any(|(name, _)| *name == field);
        let mut whole = Cells::new();
        whole.extend((!given("draining")).then(|| ("draining", false.into())));
        whole.extend((!given("troubles")).then(|| ("troubles", "[]".into())));
        whole.extend(cells);
        self.insert(kind, FarmId::NOUN, whole, vec![]).map(drop)
    }

    fn hold(
        &mut self,
        what: &Pausable,
        name: &str,
        by_why: Option<(&str, &str)>,
        cells: Cells,
    ) -> Result<(), Error> {
        let found = self.row(what.find, [name], |row| {
            let by_why: (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
            Ok((row.get::<_, i64>(0)?, by_why))
        });
        let (id, known) = found?.ok_or_else(|| Error::not_found(what.noun, name))?;
        let wanted = by_why.map(|(by, why)| (by.to_owned(), why.to_owned())).unzip();
        if known == wanted {
            return Ok(());
        }
        self.patch(what.kind, what.noun, id, cells)
    }
}

fn paused(by: &str, why: &str, now: Micros) -> Cells {
    cells! { paused_by: by, paused_why: why, paused_at: now }
}

fn unpaused(by: &str, why: &str) -> Cells {
    let mut cells = resumed(by, why);
    let nobody = None::<&str>;
    cells.extend(cells! { paused_by: nobody, paused_why: nobody, paused_at: None::<i64> });
    cells
}

/// Who lets something go on.
pub(super) fn resumed(by: &str, why: &str) -> Cells {
    cells! { resumed_by: by, resumed_why: why }
}
