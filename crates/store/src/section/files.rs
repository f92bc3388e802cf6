//! The data directory's files: who owns it, and how its database is opened.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::OpenError;

/// The database's file name in the data directory.
pub(super) const DATABASE: &str = "farm.db";
/// Held locked by the one process that writes.
const LOCK: &str = "lock";
/// How long a connection waits for another one's short exclusive moment.
const BUSY_MS: u64 = 10_000;
/// Prepared statements kept per connection.
const STATEMENTS_MAX: usize = 256;

/// Takes the data directory for this process, as long as the file stays open.
pub(super) fn own(data: &Path) -> Result<File, OpenError> {
    create_private(data)?;
    let path = data.join(LOCK);
    let mut file = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)?
        .into_file();
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(error.into()),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            let pid: Option<u32> = text.trim().parse().ok();
            return Err(OpenError::InUse { path, owner: pid.map(|p| format!(" (pid {p})")) });
        }
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Creates a directory that is nobody else's business: it will hold tokens and secrets.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.and_then(|()| sync_name(folder)).map_err(|error| {
        let text = format!("cannot create the data directory {}: {error}", folder.display());
        std::io::Error::new(error.kind(), text)
    })
}

/// Makes a directory's name durable: what will be kept in it is only as durable as that.
fn sync_name(folder: &Path) -> std::io::Result<()> {
    let folder = folder.canonicalize()?;
    let Some(above) = folder.parent() else { return Ok(()) };
    match File::open(above) {
        // The directory above may be nobody's business; then it was made by somebody else.
        Err(denied) if denied.kind() == ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// The connection that writes: durable before it answers.
pub(super) fn open_writer(file: &Path) -> Result<Connection, OpenError> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(file, flags)?;
        plan_once(&conn)?;
        conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(conn)
    };
    open().map_err(|error| database(file, &error))
}

/// A connection that cannot write, whatever it is told.
pub(super) fn open_reader(file: &Path) -> Result<Connection, OpenError> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(file, flags)?;
        plan_once(&conn)?;
        conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
        conn.pragma_update(None, "query_only", true)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(conn)
    };
    open().map_err(|error| database(file, &error))
}

/// A statement keeps the plan it was prepared with. Otherwise the engine looks at the values bound
/// to it – a limit, a state that a partial index names – and, when they are others, prepares it
/// anew in the middle of a step: a fifth of all the master did.
fn plan_once(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The engine's refusal, naming the file.
pub(crate) fn database(file: &Path, error: &rusqlite::Error) -> OpenError {
    OpenError::Database { file: file.to_owned(), message: error.to_string() }
}
