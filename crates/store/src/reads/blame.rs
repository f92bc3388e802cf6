//! What blame rests on: infrastructure errors, and who did well meanwhile.

use rusqlite::Row;
use steading_core::settle::blame::{FarmRecord, TOGETHER};
use steading_core::words::{BuildId, Cause, Micros, RequestId};

use crate::sql::statements;
use crate::{Error, Read};

statements! {
    OF_REQUEST = "SELECT build_id, worker, code, text FROM cause WHERE request_id = ?1 ORDER BY id";
    FIRST_OF = "SELECT noted_at FROM cause WHERE request_id = ?1 AND charged <> 'nobody' \
        ORDER BY id LIMIT 1";
    FIRST_BUILD = "SELECT COALESCE(MIN(build_id), ?2) FROM cause WHERE request_id = ?1 \
        AND charged <> 'nobody'";
    FAILED_ON = "SELECT DISTINCT worker FROM cause WHERE request_id = ?1 AND charged <> 'nobody' \
        ORDER BY worker";
    DID_WELL = "SELECT id FROM build WHERE worker = ?1 AND id > ?2 AND request_id <> ?3 \
        AND outcome IN ('success', 'warnings', 'failure') ORDER BY id LIMIT 1";
    FOR_NOTHING = "SELECT COUNT(*) FROM cause WHERE request_id = ?1 AND build_id IS NOT NULL \
        AND charged = 'nobody'";
    FAILING = "SELECT COUNT(DISTINCT worker) FROM cause WHERE noted_at > ?1 AND worker <> ?2 \
        AND code <> 'worker_stopped'";
    PRESENT = "SELECT COUNT(*) FROM worker WHERE name <> ?2 AND (state = 'ready' \
        OR name IN (SELECT worker FROM cause WHERE noted_at > ?1))";
    NEWEST = "SELECT noted_at FROM cause WHERE code <> 'worker_stopped' \
        ORDER BY noted_at DESC, id DESC LIMIT 1";
}

impl Read<'_> {
    /// The infrastructure errors that befell a request, oldest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn causes_of(&self, request: RequestId) -> Result<Vec<Cause>, Error> {
        self.rows(OF_REQUEST, [request.0], cause)
    }

    /// When the newest infrastructure error was noticed, if there ever was one.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn newest_cause_at(&self) -> Result<Micros, Error> {
        let newest = self.row(NEWEST, [], |row| Ok(Micros(row.get(0)?)))?;
        Ok(newest.unwrap_or(Micros(0)))
    }

    /// When the first error was charged to a request.
    pub(crate) fn first_charge(&self, request: RequestId) -> Result<Option<Micros>, Error> {
        self.row(FIRST_OF, [request.0], |row| Ok(Micros(row.get(0)?)))
    }

    /// On how many workers, this one included, a request failed that completed builds of others
    /// since its first failing build began.
    pub(crate) fn witnesses(
        &self,
        request: RequestId,
        build: BuildId,
        worker: &str,
    ) -> Result<i64, Error> {
        let first = self.int(FIRST_BUILD, (request.0, build.0))?;
        let mut failed_on =
            self.rows(FAILED_ON, [request.0], |row| Ok(row.get::<_, String>(0)?))?;
        if !failed_on.iter().any(|name| name == worker) {
            failed_on.push(worker.to_owned());
        }
        let mut witnesses = 0;
        for name in failed_on {
            let well = self.row(DID_WELL, (name, first, request.0), |_| Ok(()))?;
            witnesses += i64::from(well.is_some());
        }
        Ok(witnesses)
    }

    /// The builds of a request that count, live ones included: those lost to what nobody was
    /// charged with do not.
    pub(crate) fn counted_builds(&self, request: RequestId) -> Result<i64, Error> {
        Ok(self.builds_of(request)? - self.int(FOR_NOTHING, [request.0])?)
    }

    /// How many workers have failed within the last minute, and among how many; `worker` fails now.
    pub(crate) fn failing_together(&self, worker: &str) -> Result<FarmRecord, Error> {
        let since = self.now().0 - TOGETHER.0 * 1000;
        Ok(FarmRecord {
            failing: 1 + self.int(FAILING, (since, worker))?,
            workers: 1 + self.int(PRESENT, (since, worker))?,
        })
    }
}

fn cause(row: &Row<'_>) -> Result<Cause, Error> {
    Ok(Cause {
        build_id: row.get::<_, Option<i64>>("build_id")?.map(BuildId),
        worker: row.get("worker")?,
        code: row.get("code")?,
        text: row.get("text")?,
    })
}
