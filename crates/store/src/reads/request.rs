//! Requests.

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
             configuration_id, submitted_at, outcome FROM request ",
            $tail
        )
    };
}

statements! {
    BY_ID = select!("WHERE id = ?1");
    PENDING = select!("WHERE state = 'pending' ORDER BY id");
    OF_BUILDSET = select!("WHERE buildset_id = ?1 ORDER BY id");
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

    /// The requests of a buildset.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn requests_of(&self, buildset: BuildsetId) -> Result<Vec<Request>, Error> {
        self.rows(OF_BUILDSET, [buildset.0], request)
    }
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
        build_id: row.get::<_, Option<i64>>("build_id")?.map(BuildId),
        collapsed_into: row.get::<_, Option<i64>>("collapsed_into")?.map(RequestId),
        outcome: parse::outcome(row)?,
    })
}
