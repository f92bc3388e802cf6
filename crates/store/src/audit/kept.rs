//! What history says the archive holds, compared with what it holds.

use crate::archive::{self, Archive};
use crate::sql::statements;
use crate::{Error, Read};

use super::Violation;

statements! {
    LOGS = "SELECT id, bytes, lines, hash FROM log \
        WHERE closed = 1 AND bytes IS NOT NULL AND lines IS NOT NULL AND hash IS NOT NULL \
        ORDER BY id";
    ARTIFACTS = "SELECT id, size, hash FROM artifact ORDER BY id";
}

/// Rows whose bytes must be in the archive. Read first, compared afterwards: reading bytes takes
/// long, and a read section should not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    logs: Vec<KeptLog>,
    artifacts: Vec<KeptArtifact>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KeptLog {
    id: i64,
    bytes: i64,
    lines: i64,
    hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KeptArtifact {
    id: i64,
    size: i64,
    hash: String,
}

/// What the archive must hold: every closed log and every artifact.
///
/// # Errors
/// Only when the database fails.
pub fn kept(r: &Read<'_>) -> Result<Kept, Error> {
    let logs = r.rows(LOGS, [], |row| {
        Ok(KeptLog { id: row.get(0)?, bytes: row.get(1)?, lines: row.get(2)?, hash: row.get(3)? })
    })?;
    let artifacts = r.rows(ARTIFACTS, [], |row| {
        Ok(KeptArtifact { id: row.get(0)?, size: row.get(1)?, hash: row.get(2)? })
    })?;
    Ok(Kept { logs, artifacts })
}

impl Kept {
    /// Reads every byte and compares. Blocks for as long as that takes.
    #[must_use]
    pub fn verify(&self, archive: &Archive) -> Vec<Violation> {
        let logs = self.logs.iter().filter_map(|log| log_differs(log, archive));
        logs.chain(self.artifacts.iter().filter_map(|a| artifact_differs(a, archive))).collect()
    }
}

/// I10: a closed log is whole, closed, and what its row says.
fn log_differs(log: &KeptLog, archive: &Archive) -> Option<Violation> {
    let KeptLog { id, bytes, lines, hash } = log;
    let verified = match archive.verify_log(steading_core::words::LogId(*id)) {
        Ok(verified) => verified,
        // A log nobody printed to may have no file.
        Err(archive::Error::NoLog(_)) if *bytes == 0 => return None,
        Err(error) => return Some(Violation::new("I10", format!("log {id}: {error}"))),
    };
    let found = &verified.summary;
    let same = i64::try_from(found.bytes) == Ok(*bytes)
        && i64::try_from(found.lines) == Ok(*lines)
        && found.hash == *hash;
    if same && verified.closed {
        return None;
    }
    let text = format!(
        "log {id}: its row says {bytes} bytes, {lines} lines, hash {hash}; the archive holds {} \
         bytes, {} lines, hash {}, {}",
        found.bytes,
        found.lines,
        found.hash,
        if verified.closed { "closed" } else { "not closed" }
    );
    Some(Violation::new("I10", text))
}

/// I12: every artifact row's bytes are in the archive and readable.
fn artifact_differs(artifact: &KeptArtifact, archive: &Archive) -> Option<Violation> {
    let KeptArtifact { id, size, hash } = artifact;
    let text = match archive.verify_artifact(hash) {
        Ok(found) if i64::try_from(found) == Ok(*size) => return None,
        Ok(found) => format!("artifact {id}: its row says {size} bytes, the archive holds {found}"),
        Err(error) => format!("artifact {id}: {error}"),
    };
    Some(Violation::new("I12", text))
}
