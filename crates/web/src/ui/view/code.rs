//! Which code: branch, short revision, and what its author said.

use std::collections::BTreeMap;

use serde::Serialize;

use super::row::Row;
use super::words::first_line;

/// How many characters of a subject a line shows.
const SUBJECT_CHARS_MAX: usize = 90;

/// First lines of messages, by full revision.
pub(crate) type Subjects = BTreeMap<String, String>;

/// The code of a request or build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Code {
    /// The repository.
    pub(crate) repository: String,
    /// The branch.
    pub(crate) branch: String,
    /// The revision in full.
    pub(crate) revision: String,
    /// The revision as people say it.
    pub(crate) short: String,
    /// What its author said, if the farm knows.
    pub(crate) subject: String,
}

/// The code a row names; `None` when it builds none.
pub(crate) fn of_row(row: &Row, subjects: &Subjects) -> Option<Code> {
    let revision = row.maybe_text("revision")?;
    Some(Code {
        repository: row.text("repository").to_owned(),
        branch: row.text("branch").to_owned(),
        revision: revision.to_owned(),
        short: short(revision),
        subject: subjects.get(revision).cloned().unwrap_or_default(),
    })
}

/// The first seven characters.
pub(crate) fn short(revision: &str) -> String {
    revision.chars().take(7).collect()
}

/// Subjects of the changes given.
pub(crate) fn subjects(changes: &[Row]) -> Subjects {
    let pair =
        |c: &Row| (c.text("revision").to_owned(), first_line(c.text("message"), SUBJECT_CHARS_MAX));
    changes.iter().map(pair).collect()
}
