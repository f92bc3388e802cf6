//! One look at one repository: every new commit on its watched branches, in order, once.

use steading_core::farm::Repository;
use steading_core::trigger::{BranchMove, Identity, branch_moves, identities};
use steading_core::words::ChangeId;
use steading_store::{NewChange, Store};

use super::git::GitError;
use super::mirror::{Mirror, Mirrors};

/// The "branch" whose tip says that a repository has been looked at: no branch can be called this.
const LOOKED: &str = "";

/// Why a look failed. Nothing was recorded; the next look begins where this one did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PollError {
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// History.
    #[error("cannot record what was found: {0}")]
    Store(#[from] steading_store::Error),
}

/// What a branch's move comes to: the changes to add, and the new tip.
struct Found {
    branch: String,
    tip: Option<String>,
    changes: Vec<NewChange>,
}

/// Looks once. The first look of a repository only records where its branches stand.
pub(crate) async fn poll(
    store: &Store,
    mirrors: &Mirrors,
    repository: &Repository,
) -> Result<Vec<ChangeId>, PollError> {
    let heads = mirrors.heads(repository).await?;
    let name = repository.name.clone();
    let mut tips = store.read(move |r| r.tips(&name)).await?;
    let first_look = tips.remove(LOOKED).is_none();
    let moves =
        branch_moves(&repository.branches, heads.default.as_deref(), &tips, &heads.branches);
    if moves.is_empty() && !first_look {
        return Ok(Vec::new());
    }
    let found = if first_look {
        moves.into_iter().map(baseline).collect()
    } else {
        let mirror = mirrors.fetch(repository).await?;
        look_closer(&mirror, repository, moves).await?
    };
    record(store, repository.name.clone(), found).await
}

/// Adds the change a person tells of, whether or not its branch is watched.
pub(crate) async fn tell(
    store: &Store,
    mirrors: &Mirrors,
    repository: &Repository,
    branch: &str,
    revision: &str,
) -> Result<Vec<ChangeId>, PollError> {
    let mirror = mirrors.fetch(repository).await?;
    let identity = Identity { revision: revision.to_owned(), commits: None };
    let change = describe(&mirror, repository, branch, identity).await?;
    Ok(store.write("intake.tell", move |w| w.add_change(&change)).await?.into_iter().collect())
}

fn baseline(seen: BranchMove) -> Found {
    let (branch, tip) = match seen {
        BranchMove::New { branch, head } | BranchMove::Moved { branch, head, .. } => {
            (branch, Some(head))
        }
        BranchMove::Gone { branch } => (branch, None),
    };
    Found { branch, tip, changes: Vec::new() }
}

async fn look_closer(
    mirror: &Mirror,
    repository: &Repository,
    moves: Vec<BranchMove>,
) -> Result<Vec<Found>, GitError> {
    let mut found = Vec::new();
    for seen in moves {
        let (branch, between, head) = match seen {
            BranchMove::Gone { .. } => {
                found.push(baseline(seen));
                continue;
            }
            BranchMove::New { branch, head } => (branch, None, head),
            BranchMove::Moved { branch, from, head } => {
                let between = mirror.between(&from, &head).await?;
                (branch, between, head)
            }
        };
        let mut changes = Vec::new();
        for identity in identities(between, &head) {
            changes.push(describe(mirror, repository, &branch, identity).await?);
        }
        found.push(Found { branch, tip: Some(head), changes });
    }
    Ok(found)
}

async fn describe(
    mirror: &Mirror,
    repository: &Repository,
    branch: &str,
    identity: Identity,
) -> Result<NewChange, GitError> {
    let commit = mirror.commit(&identity.revision).await?;
    Ok(NewChange {
        repository: repository.name.clone(),
        branch: branch.to_owned(),
        revision: identity.revision,
        author: commit.author,
        message: commit.message,
        files: commit.files,
        commits: identity.commits,
        committed_at: commit.committed_at,
    })
}

/// Changes and tips in one section: a commit is found once, whatever happens in between.
async fn record(
    store: &Store,
    repository: String,
    found: Vec<Found>,
) -> Result<Vec<ChangeId>, PollError> {
    let added = store.write("intake.record", move |w| {
        let mut added = Vec::new();
        for branch in &found {
            for change in &branch.changes {
                added.extend(w.add_change(change)?);
            }
            w.set_tip(&repository, &branch.branch, branch.tip.as_deref())?;
        }
        w.set_tip(&repository, LOOKED, Some("yes"))?;
        Ok(added)
    });
    Ok(added.await?)
}
