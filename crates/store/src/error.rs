//! What can go wrong in a section, in a query, and when opening a store.

use std::path::PathBuf;

use steading_core::lifecycle::Illegal;

/// Why a section did nothing. A failed section leaves no trace in history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What the caller decided on is no longer so. Losing costs nothing: look again, decide again.
    #[error("no longer so: {0}")]
    Stale(String),
    /// The state machine does not allow the step.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// There is no such thing.
    #[error("there is no {noun} {id}")]
    NotFound {
        /// The noun looked for.
        noun: &'static str,
        /// Its id or name.
        id: String,
    },
    /// A page was asked for in a way that cannot be answered.
    #[error(transparent)]
    BadQuery(#[from] BadQuery),
    /// The section's closure panicked. Only what it did itself was undone.
    #[error("the section `{section}` panicked: {message}; nothing of it was kept")]
    Panicked {
        /// The section's name.
        section: &'static str,
        /// What the panic said.
        message: String,
    },
    /// The queue stayed full until the deadline.
    #[error("the store is busy: its queue stayed full for {seconds} s; try again later")]
    Busy {
        /// How long the caller waited.
        seconds: u64,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The disk is full; history is as it was before.
    #[error(
        "the disk holding {path} is full: nothing was written and nothing is lost; free some space \
         and the farm goes on"
    )]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(String),
    /// A stored value is not what this version writes.
    #[error("the database holds {what} it should not: {found}; run `steading audit`")]
    Corrupt {
        /// Which value.
        what: String,
        /// What was found.
        found: String,
    },
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            // The writer knows which file it was; see `Error::in_file`.
            Some(rusqlite::ErrorCode::DiskFull) => Error::DiskFull { path: PathBuf::new() },
            _ => Error::Database(error.to_string()),
        }
    }
}

impl Error {
    /// The same error, naming the database file where it matters.
    pub(crate) fn in_file(self, file: &std::path::Path) -> Error {
        match self {
            Error::DiskFull { .. } => Error::DiskFull { path: file.to_owned() },
            other => other,
        }
    }

    pub(crate) fn not_found(noun: &'static str, id: impl ToString) -> Error {
        Error::NotFound { noun, id: id.to_string() }
    }

    pub(crate) fn corrupt(what: impl Into<String>, found: impl ToString) -> Error {
        Error::Corrupt { what: what.into(), found: found.to_string() }
    }
}

/// Why a page cannot be answered; the message names the culprit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// No such field.
    #[error("{noun} has no field `{field}`; it has {known}")]
    UnknownField {
        /// The noun asked for.
        noun: &'static str,
        /// What was asked.
        field: String,
        /// Every field it has.
        known: String,
    },
    /// No such operator.
    #[error("`{operator}` is no operator (in `{key}`); use eq, ne, lt, le, gt, ge, in or contains")]
    UnknownOperator {
        /// The whole key.
        key: String,
        /// The part after `__`.
        operator: String,
    },
    /// The operator does not apply to the field.
    #[error("`{field}` cannot be compared with `{operator}`: {why}")]
    NotApplicable {
        /// The field.
        field: &'static str,
        /// The operator, or `order`.
        operator: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The value is not of the field's kind.
    #[error("`{value}` is not a value of `{field}`: expected {expected}")]
    BadValue {
        /// The field.
        field: &'static str,
        /// What was given.
        value: String,
        /// What would do.
        expected: String,
    },
    /// The cursor was not made by this query.
    #[error("this cursor was not made by this query; start again without one")]
    BadCursor,
    /// Too much at once, or nothing.
    #[error("limit is {limit}; it must be between 1 and {max}")]
    BadLimit {
        /// What was asked.
        limit: usize,
        /// The most one page holds.
        max: usize,
    },
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works on this data directory.
    #[error(
        "{path} is held by another process{}: this data directory has a master already; stop it \
         first, or use another directory (--data)", owner.as_deref().unwrap_or("")
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, if it says so.
        owner: Option<String>,
    },
    /// A newer Steading wrote it.
    #[error(
        "{file} has schema version {found}, but this Steading knows only up to {known}: a newer \
         version wrote it; run that one, or restore the backup beside the file"
    )]
    Newer {
        /// The database file.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// An older Steading wrote it and a reader may not migrate it.
    #[error(
        "{file} has schema version {found}, this Steading reads {known}: start the farm once with \
         this version to migrate it"
    )]
    Older {
        /// The database file.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The version readable here.
        known: i64,
    },
    /// There is no history here.
    #[error("there is no history at {file}: is this the data directory of a farm?")]
    Missing {
        /// The database file expected.
        file: PathBuf,
    },
    /// A migration failed; the database is as it was before.
    #[error("migration {number} of {file} failed, nothing was changed: {message}")]
    Migration {
        /// The database file.
        file: PathBuf,
        /// The migration.
        number: i64,
        /// What the engine said.
        message: String,
    },
    /// A file operation failed; the message names the file.
    #[error("cannot open the store: {0}")]
    File(#[from] std::io::Error),
    /// The engine refused.
    #[error("cannot open {file}: {message}")]
    Database {
        /// The database file.
        file: PathBuf,
        /// What the engine said.
        message: String,
    },
}
