//! Quiet-period timers: at most one per (scheduler, repository, branch).

use steading_core::trigger::Timer;

use crate::sql::statements;
use crate::{Error, Write};

statements! {
    ARM = "INSERT INTO timer \
        (scheduler, repository, branch, first_at, fire_at, changes, revision) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
        ON CONFLICT (scheduler, repository, branch) DO UPDATE SET \
        first_at = excluded.first_at, fire_at = excluded.fire_at, changes = excluded.changes, \
        revision = excluded.revision";
    DROP = "DELETE FROM timer WHERE scheduler = ?1 AND repository = ?2 AND branch = ?3";
}

impl Write<'_> {
    /// Sets the timer of its (scheduler, repository, branch), replacing the one there.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn arm_timer(&mut self, timer: &Timer) -> Result<(), Error> {
        let Timer { scheduler, repository, branch, first_at, fire_at, changes, revision } = timer;
        let changes = serde_json::to_string(changes).expect("a list of ids always serializes");
        let (first_at, fire_at) = (first_at.map(|at| at.0), fire_at.map(|at| at.0));
        let row = (scheduler, repository, branch, first_at, fire_at, changes, revision);
        self.execute(ARM, row)?;
        Ok(())
    }

    /// Drops the timer, if there is one.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn drop_timer(
        &mut self,
        scheduler: &str,
        repository: &str,
        branch: &str,
    ) -> Result<(), Error> {
        self.execute(DROP, (scheduler, repository, branch))?;
        Ok(())
    }
}
