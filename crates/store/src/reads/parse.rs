//! Stored texts and integers back to values. What cannot be read names its column.

use rusqlite::Row;
use serde::de::DeserializeOwned;
use steading_core::farm::RequestView;
use steading_core::words::{Micros, Outcome, Properties, Reason, RequestId, SourceStamp};

use crate::Error;

/// A structure from its text.
pub(super) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::corrupt(what, format!("{text} ({error})")))
}

/// A structure column.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    from_json(column, row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
}

/// A structure column that may be null.
pub(super) fn json_or_null<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &str,
) -> Result<Option<T>, Error> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| from_json(column, &text)).transpose()
}

/// A column that holds the word of an enum.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Error> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| Error::corrupt(column, &text))
}

pub(super) fn outcome(row: &Row<'_>) -> Result<Option<Outcome>, Error> {
    let text: Option<String> = row.get("outcome")?;
    text.map(|t| Outcome::from_word(&t).ok_or_else(|| Error::corrupt("outcome", &t))).transpose()
}

pub(super) fn reason(row: &Row<'_>) -> Result<Option<Reason>, Error> {
    json_or_null(row, "outcome_reason")
}

/// A time column that may be null.
pub(super) fn time(row: &Row<'_>, column: &str) -> Result<Option<Micros>, Error> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Micros))
}

/// The stamp spread over `repository`, `branch`, `revision`.
pub(super) fn stamp(row: &Row<'_>) -> Result<Option<SourceStamp>, Error> {
    let parts: (Option<String>, Option<String>, Option<String>) =
        (row.get("repository")?, row.get("branch")?, row.get("revision")?);
    let (Some(repository), Some(branch), Some(revision)) = parts else { return Ok(None) };
    Ok(Some(SourceStamp { repository, branch, revision }))
}

/// What policies see of a request, from its columns under their own names.
pub(super) fn request_view(row: &Row<'_>) -> Result<RequestView, Error> {
    let (repository, branch, revision) = match stamp(row)? {
        Some(stamp) => (stamp.repository, stamp.branch, stamp.revision),
        None => Default::default(),
    };
    Ok(RequestView {
        id: RequestId(row.get("id")?),
        builder: row.get::<_, String>("builder")?.into(),
        priority: row.get("priority")?,
        repository: repository.into(),
        branch: branch.into(),
        revision: revision.into(),
        owner: row.get::<_, Option<String>>("owner")?.unwrap_or_default().into(),
        reason: row.get::<_, String>("reason")?.into(),
        properties: json::<Properties>(row, "properties")?.into(),
        submitted_at: Micros(row.get("submitted_at")?),
        start_by: time(row, "start_by")?,
    })
}
