//! Artifacts: rows of bytes that are already in the archive.

use steading_core::words::{ArtifactId, BuildId, EventKind, StepId};

use super::row::cells;
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    KNOWN = "SELECT id FROM artifact WHERE build_id = ?1 AND path = ?2 AND hash = ?3";
}

/// An artifact whose bytes the archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArtifact {
    /// The build that left it.
    pub build: BuildId,
    /// The step that uploaded it.
    pub step: StepId,
    /// Its path in the workspace.
    pub path: String,
    /// Bytes.
    pub size: i64,
    /// BLAKE3 of its bytes, as hex.
    pub hash: String,
}

impl Write<'_> {
    /// Records an artifact whose bytes are stored; the same path and hash again yields the same
    /// row.
    ///
    /// # Errors
    /// `NotFound` when there is no such build or step, `Stale` when the build is finished.
    pub fn add_artifact(&mut self, new: &NewArtifact) -> Result<ArtifactId, Error> {
        let known = self.row(KNOWN, (new.build.0, &new.path, &new.hash), |row| Ok(row.get(0)?))?;
        if let Some(id) = known {
            return Ok(ArtifactId(id));
        }
        self.require_unfinished(new.build)?;
        self.require_step_of(new.build, new.step)?;
        let id = self.insert(
            EventKind::ArtifactStored,
            ArtifactId::NOUN,
            cells! {
                build_id: new.build.0, step_id: new.step.0, path: &new.path, size: new.size,
                hash: &new.hash, created_at: self.now(),
            },
            vec![],
        )?;
        Ok(ArtifactId(id))
    }
}
