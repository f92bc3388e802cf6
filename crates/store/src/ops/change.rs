//! Changes, and where each watched branch stood when it was last looked at.

use std::collections::BTreeSet;

use steading_core::words::{ChangeId, EventKind, Micros};

use super::row::{cells, json, json_or_null};
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    KNOWN = "SELECT id FROM change WHERE repository = ?1 AND branch = ?2 AND revision = ?3";
    SET_TIP = "INSERT INTO tip (repository, branch, revision) VALUES (?1, ?2, ?3) \
        ON CONFLICT (repository, branch) DO UPDATE SET revision = excluded.revision";
    DROP_TIP = "DELETE FROM tip WHERE repository = ?1 AND branch = ?2";
}

/// Something that happened in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// The repository, as the farm declares it.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The full revision.
    pub revision: String,
    /// Who wrote it.
    pub author: String,
    /// What they said.
    pub message: String,
    /// Paths touched, against the first parent.
    pub files: Vec<String>,
    /// The revisions it stands for, when many came at once.
    pub commits: Option<Vec<String>>,
    /// By its author's clock.
    pub committed_at: Micros,
}

impl Write<'_> {
    /// Adds a change; `None` when its (repository, branch, revision) is known already.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn add_change(&mut self, new: &NewChange) -> Result<Option<ChangeId>, Error> {
        let identity = (&new.repository, &new.branch, &new.revision);
        if self.row(KNOWN, identity, |_| Ok(()))?.is_some() {
            return Ok(None);
        }
        let id = self.insert(
            EventKind::ChangeAdded,
            ChangeId::NOUN,
            cells! {
                repository: &new.repository, branch: &new.branch, revision: &new.revision,
                author: &new.author, message: &new.message, files: json(&new.files),
                commits: json_or_null(new.commits.as_ref()), committed_at: new.committed_at,
                created_at: self.now(),
            },
            cells! { scheduled: false },
        )?;
        Ok(Some(ChangeId(id)))
    }

    /// Remembers where a branch stood when it was last looked at; `None`: the branch is gone.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn set_tip(
        &mut self,
        repository: &str,
        branch: &str,
        revision: Option<&str>,
    ) -> Result<(), Error> {
        match revision {
            Some(revision) => self.execute(SET_TIP, (repository, branch, revision))?,
            None => self.execute(DROP_TIP, (repository, branch))?,
        };
        Ok(())
    }

    /// Marks a change as seen by every scheduler.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn mark_scheduled(&mut self, id: ChangeId) -> Result<(), Error> {
        self.patch_hidden(ChangeId::NOUN, id.0, cells! { scheduled: true })
    }

    /// Refuses ids that are no changes, so that every blamelist can be followed.
    pub(super) fn require_changes(&self, ids: &[ChangeId]) -> Result<(), Error> {
        for id in ids.iter().copied().collect::<BTreeSet<_>>() {
            if self.change(id)?.is_none() {
                return Err(Error::not_found(ChangeId::NOUN, id));
            }
        }
        Ok(())
    }
}
