//! Requests.

use std::collections::BTreeMap;

use rusqlite::Row;
use steading_core::words::{
    BuildId, BuildsetId, ConfigId, Micros, Request, RequestId, RequestState,
};

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, buildset_id, builder, priority, state, epoch, repository, branch, \
             revision, properties, owner, reason, pinned_worker, build_id, collapsed_into, \
             configuration_id, submitted_at, start_by, overdue_at, outcome FROM request ",
            $tail
        )
    };
}

macro_rules! tries {
    ($which:literal) => {
        concat!(
            "SELECT request.id AS id, claim.answered_at AS answered_at, \
             COALESCE(build.lost_at, build.finished_at) AS ended_at, \
             (SELECT COUNT(*) FROM build b WHERE b.request_id = request.id) AS builds \
             FROM request \
             JOIN claim ON claim.request_id = request.id AND claim.epoch = request.epoch \
             LEFT JOIN build ON build.request_id = request.id AND build.epoch = request.epoch \
             WHERE request.state = 'pending' AND ",
            $which
        )
    };
}

statements! {
    BY_ID = select!("WHERE id = ?1");
    PENDING = select!("WHERE state = 'pending' ORDER BY id");
    PENDING_OF = select!("WHERE builder = ?1 AND state = 'pending' ORDER BY id");
    TRIES = tries!("request.epoch > 0 ORDER BY request.id");
    LAST_TRY = tries!("request.id = ?1");
    BUILDS = "SELECT COUNT(*) FROM build WHERE request_id = ?1";
}

/// The last try of a request that is pending again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastTry {
    /// When it came to nothing.
    pub ended_at: Micros,
    /// How many of its builds were lost, when the last try was one; 0 after an offer that was not
    /// taken.
    pub lost_builds: i64,
}

impl Read<'_> {
    /// A request.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        self.row(BY_ID, [id.0], request)
    }

    /// Every request that waits to be matched, oldest id first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn pending(&self) -> Result<Vec<Request>, Error> {
        self.rows(PENDING, [], request)
    }

    /// Every request of these builders that waits to be matched.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn pending_of(&self, builders: &[String]) -> Result<Vec<Request>, Error> {
        let mut all = Vec::new();
        for builder in builders {
            all.extend(self.rows(PENDING_OF, [builder], request)?);
        }
        Ok(all)
    }

    /// The last tries of those pending requests that were tried before.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn last_tries(&self) -> Result<BTreeMap<RequestId, LastTry>, Error> {
        let all = self.rows(TRIES, [], last_try)?;
        Ok(all.into_iter().flatten().collect())
    }

    /// The last try of one request, if it is pending again.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn last_try(&self, id: RequestId) -> Result<Option<LastTry>, Error> {
        Ok(self.row(LAST_TRY, [id.0], last_try)?.flatten().map(|(_, last)| last))
    }

    /// How many builds a request had, live ones included.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn builds_of(&self, request: RequestId) -> Result<i64, Error> {
        self.int(BUILDS, [request.0])
    }
}

fn last_try(row: &Row<'_>) -> Result<Option<(RequestId, LastTry)>, Error> {
    // A lost build may end later, as its worker drops it: for the request it was over when lost.
    let built = parse::time(row, "ended_at")?;
    let answered = parse::time(row, "answered_at")?;
    let lost_builds = if built.is_some() { row.get("builds")? } else { 0 };
    let id = RequestId(row.get("id")?);
    Ok(built.or(answered).map(|ended_at| (id, LastTry { ended_at, lost_builds })))
}

fn request(row: &Row<'_>) -> Result<Request, Error> {
    Ok(Request {
        id: RequestId(row.get("id")?),
        buildset_id: BuildsetId(row.get("buildset_id")?),
        builder: row.get("builder")?,
        priority: row.get("priority")?,
        state: parse::word(row, "state", RequestState::from_word)?,
        epoch: row.get("epoch")?,
        stamp: parse::stamp(row)?,
        properties: parse::json(row, "properties")?,
        owner: row.get("owner")?,
        reason: row.get("reason")?,
        pinned_worker: row.get("pinned_worker")?,
        configuration_id: ConfigId(row.get("configuration_id")?),
        submitted_at: Micros(row.get("submitted_at")?),
        start_by: parse::time(row, "start_by")?,
        overdue_at: parse::time(row, "overdue_at")?,
        build_id: row.get::<_, Option<i64>>("build_id")?.map(BuildId),
        collapsed_into: row.get::<_, Option<i64>>("collapsed_into")?.map(RequestId),
        outcome: parse::outcome(row)?,
    })
}
