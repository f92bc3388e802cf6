//! `max_builds`: how many builds run steps at once, of one builder and on one worker.

use steading_core::words::{EventKind, WorkerId};

use super::row::cells;
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    BUILDER_MAX = "SELECT max_builds FROM builder WHERE name = ?1 AND active = 1";
    WORKER_MAX = "SELECT max_builds FROM worker WHERE name = ?1";
    OF_BUILDER = "SELECT (SELECT COUNT(*) FROM build WHERE builder = ?1 \
        AND finished_at IS NULL AND steps_ended_at IS NULL) \
        + (SELECT COUNT(*) FROM claim JOIN request ON request.id = claim.request_id \
        WHERE claim.state = 'offered' AND request.builder = ?1)";
    ON_WORKER = "SELECT (SELECT COUNT(*) FROM build WHERE worker = ?1 \
        AND finished_at IS NULL AND steps_ended_at IS NULL) \
        + (SELECT COUNT(*) FROM claim WHERE worker = ?1 AND state = 'offered')";
}

impl Write<'_> {
    /// Brings how many builds run steps on a worker at once up to its declaration.
    ///
    /// # Errors
    /// `NotFound` when the worker was never met.
    pub fn limit_worker(&mut self, name: &str, max_builds: Option<i64>) -> Result<(), Error> {
        let (id, _) = self.require_worker(name)?;
        if self.limit(WORKER_MAX, name)? == max_builds {
            return Ok(());
        }
        let cells = cells! { max_builds: max_builds };
        self.patch(EventKind::WorkerConfigured, WorkerId::NOUN, id.0, cells)
    }

    /// Refuses when the builder or the worker runs as many builds as it may. One whose last step
    /// ended counts no more.
    pub(super) fn require_below_limits(&self, builder: &str, worker: &str) -> Result<(), Error> {
        let limits = [
            ("builder", builder, BUILDER_MAX, OF_BUILDER),
            ("worker", worker, WORKER_MAX, ON_WORKER),
        ];
        for (what, name, most, running) in limits {
            let Some(most) = self.limit(most, name)? else { continue };
            if self.int(running, [name])? >= most {
                let why = format!("{what} {name} runs the {most} builds it may");
                return Err(Error::Stale(why));
            }
        }
        Ok(())
    }

    fn limit(&self, sql: &str, name: &str) -> Result<Option<i64>, Error> {
        Ok(self.row(sql, [name], |row| Ok(row.get::<_, Option<i64>>(0)?))?.flatten())
    }
}
