//! One bare mirror per repository: what was fetched once is never fetched again by this worker.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use steading_core::farm::without_password;
use steading_wire::worker::Ending;
use tokio::time::{Instant, sleep};

use super::Source;
use super::git::{Git, Trouble};
use crate::process::infrastructure;
use crate::room::touch;

/// How often a mirror that another step uses is asked for again.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// A mirror that has the revision; nobody else touches it while this lives.
#[derive(Debug)]
pub(crate) struct Mirror {
    /// Where it is.
    pub(crate) path: PathBuf,
    _lock: File,
}

/// Brings the revision into the repository's mirror.
pub(crate) async fn bring(
    git: &mut Git<'_>,
    mirrors: &Path,
    source: &Source,
) -> Result<Mirror, Trouble> {
    let hash = blake3::hash(source.url.as_bytes()).to_hex();
    let path = mirrors.join(format!("{}.git", &hash[..20]));
    let lock = lock(git, &path.with_extension("lock")).await?;
    let mirror = Mirror { path, _lock: lock };
    make(git, &mirror.path).await?;
    touch(&mirror.path).map_err(|e| Trouble::io("the mirror could not be used", &e))?;
    if !has(git, &mirror.path, &source.revision).await? {
        fetch(git, &mirror.path, source).await?;
    }
    Ok(mirror)
}

/// Whether a repository has a revision.
pub(crate) async fn has(
    git: &mut Git<'_>,
    repository: &Path,
    revision: &str,
) -> Result<bool, Trouble> {
    let commit = format!("{revision}^{{commit}}");
    Ok(git.ask(repository, &["cat-file", "-e", &commit]).await?.is_some())
}

async fn lock(git: &Git<'_>, path: &Path) -> Result<File, Trouble> {
    let open = fs_err::OpenOptions::new().create(true).append(true).open(path);
    let file = open.map_err(|e| Trouble::io("the mirror could not be locked", &e))?;
    let file = file.into_parts().0;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) => {}
            Err(error) => {
                return Err(Trouble::io("the mirror could not be locked", &error.into()));
            }
        }
        let ending = tokio::select! {
            () = git.cancel().cancelled() => Ending::Cancelled,
            () = sleep(LOCK_EVERY) => {
                if Instant::now() < git.deadline() {
                    continue;
                }
                infrastructure("fetch_timeout", "another step uses the mirror for too long".into())
            }
        };
        return Err(Trouble { ending, exit: None });
    }
}

/// Makes the mirror, if it is missing; a half-made one never has the final name.
async fn make(git: &mut Git<'_>, path: &Path) -> Result<(), Trouble> {
    if path.join("HEAD").is_file() {
        return Ok(());
    }
    let trouble = |e: std::io::Error| Trouble::io("the mirror could not be made", &e);
    let parent = path.parent().expect("a mirror lies in the mirrors' directory");
    let fresh = path.with_extension("new");
    for old in [path, &fresh] {
        if old.exists() {
            fs_err::remove_dir_all(old).map_err(trouble)?;
        }
    }
    let name = fresh.to_string_lossy().into_owned();
    git.run(parent, &["init", "--quiet", "--bare", "--template=", &name]).await?;
    fs_err::rename(&fresh, path).map_err(trouble)
}

async fn fetch(git: &mut Git<'_>, mirror: &Path, source: &Source) -> Result<(), Trouble> {
    let Source { url, branch, revision, .. } = source;
    if !branch.is_empty() {
        let refspec = format!("+refs/heads/{branch}:refs/heads/{branch}");
        match git.run(mirror, &["fetch", "--force", "--update-shallow", url, &refspec]).await {
            // The branch may be gone while the revision still exists.
            Err(trouble) if !trouble.is_gits() => return Err(trouble),
            Ok(()) | Err(_) => {}
        }
        if has(git, mirror, revision).await? {
            return Ok(());
        }
    }
    // Not on the branch (any more): ask for exactly this revision, and keep it from being pruned.
    let refspec = format!("+{revision}:refs/steading/{revision}");
    match git.run(mirror, &["fetch", "--force", "--update-shallow", url, &refspec]).await {
        Err(trouble) if trouble.is_gits() => Err(missing(git, mirror, source, trouble).await?),
        fetched => fetched,
    }
}

/// Why a revision could not be fetched: it is not there, or the repository does not answer.
async fn missing(
    git: &mut Git<'_>,
    mirror: &Path,
    source: &Source,
    trouble: Trouble,
) -> Result<Trouble, Trouble> {
    let url = without_password(&source.url);
    let answers = git.ask(mirror, &["ls-remote", "--quiet", &source.url, "HEAD"]).await?.is_some();
    let Source { branch, revision, .. } = source;
    let ending = if answers {
        Ending::NoSuchRevision {
            text: format!("{url} has no revision {revision} (asked for on branch `{branch}`)"),
        }
    } else {
        let text = format!("{url} could not be fetched: see the step's stderr for what git said");
        infrastructure("fetch_failed", text)
    };
    Ok(trouble.become_(ending))
}
