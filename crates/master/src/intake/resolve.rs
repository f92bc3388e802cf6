//! From what a person names to a full revision.

use steading_core::farm::Repository;
use steading_core::words::SourceStamp;

use super::git::GitError;
use super::mirror::{Heads, Mirrors};

/// Why a source stamp could not be made absolute.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The repository could not be asked.
    #[error("cannot reach repository `{repository}`: {source}")]
    Unreachable {
        /// Which.
        repository: String,
        /// What git said.
        source: GitError,
    },
    /// It has no commit at all, or nobody knows which branch is meant.
    #[error("repository `{0}` has no default branch; name a branch")]
    NoDefault(String),
    /// No such branch.
    #[error("repository `{repository}` has no branch `{branch}`")]
    NoBranch {
        /// Which.
        repository: String,
        /// What was named.
        branch: String,
    },
    /// No such revision.
    #[error("repository `{repository}` has no revision `{revision}`")]
    NoRevision {
        /// Which.
        repository: String,
        /// What was named.
        revision: String,
    },
}

/// Makes branch and revision absolute: the default branch and its head where nothing is named.
///
/// # Errors
/// When the repository cannot be reached or has no such branch or revision.
pub async fn resolve(
    mirrors: &Mirrors,
    repository: &Repository,
    branch: Option<&str>,
    revision: Option<&str>,
) -> Result<SourceStamp, ResolveError> {
    let unreachable =
        |source| ResolveError::Unreachable { repository: repository.name.clone(), source };
    let heads = mirrors.heads(repository).await.map_err(unreachable)?;
    let branch = match branch {
        Some(branch) => branch.to_owned(),
        None => {
            heads.default.clone().ok_or_else(|| ResolveError::NoDefault(repository.name.clone()))?
        }
    };
    let revision = match revision {
        Some(revision) => named(mirrors, repository, revision).await?,
        None => head(&heads, repository, &branch)?,
    };
    Ok(SourceStamp { repository: repository.name.clone(), branch, revision })
}

fn head(heads: &Heads, repository: &Repository, branch: &str) -> Result<String, ResolveError> {
    heads.branches.get(branch).cloned().ok_or_else(|| ResolveError::NoBranch {
        repository: repository.name.clone(),
        branch: branch.to_owned(),
    })
}

async fn named(
    mirrors: &Mirrors,
    repository: &Repository,
    revision: &str,
) -> Result<String, ResolveError> {
    let mirror = mirrors.fetch(repository).await.map_err(|source| ResolveError::Unreachable {
        repository: repository.name.clone(),
        source,
    })?;
    mirror.resolve(revision).await.map_err(|_| ResolveError::NoRevision {
        repository: repository.name.clone(),
        revision: revision.to_owned(),
    })
}
