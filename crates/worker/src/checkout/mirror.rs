//! One bare mirror per repository: what was fetched once is never fetched again by this worker.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use steading_core::farm::without_password;
use steading_wire::worker::Ending;
use tokio::time::{Instant, sleep};

use super::Source;
use super::git::{Git, Trouble};
use super::whole;
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
    if !mirror.path.join("HEAD").is_file() {
        make(git, &mirror.path).await?;
    } else if !whole::is_whole(&mirror.path) {
        // The machine was booted since, and may have lost what git had not synced.
        mend(git, &mirror, source).await?;
    }
    touch(&mirror.path).map_err(|e| Trouble::io("the mirror could not be used", &e))?;
    if !has(git, &mirror.path, &source.revision).await? {
        fetch(git, &mirror, source).await?;
    }
    Ok(mirror)
}

/// Mends a mirror that is not to be trusted: what is broken is made anew, and has nothing then.
/// Says whether anything was wrong.
async fn mend(git: &mut Git<'_>, mirror: &Mirror, source: &Source) -> Result<bool, Trouble> {
    let trouble = |e: io::Error| Trouble::io("the mirror could not be mended", &e);
    let path = &mirror.path;
    let locked = whole::unlock(path).map_err(trouble)?;
    if is_sound(git, path, &source.revision).await? {
        whole::found_whole(path).map_err(trouble)?;
        return Ok(locked);
    }
    git.note("the mirror is broken and is made anew")?;
    make(git, path).await?;
    Ok(true)
}

/// Whether each object is what its name says, and all that references and the revision need is
/// there.
async fn is_sound(git: &mut Git<'_>, mirror: &Path, revision: &str) -> Result<bool, Trouble> {
    let all = ["fsck", "--no-dangling", "--no-progress", "--no-reflogs"];
    // The revision may be there though no reference leads to it any more.
    let needed = ["rev-list", "--objects", "--quiet", revision];
    Ok(git.ask(mirror, &all).await?.is_some()
        && (!has(git, mirror, revision).await? || git.ask(mirror, &needed).await?.is_some()))
}

/// Git could not read from the mirror: mends it and brings the revision again. Says whether
/// anything was wrong.
pub(crate) async fn bring_again(
    git: &mut Git<'_>,
    mirror: &Mirror,
    source: &Source,
) -> Result<bool, Trouble> {
    let mended = mend(git, mirror, source).await?;
    if mended && !has(git, &mirror.path, &source.revision).await? {
        fetch(git, mirror, source).await?;
    }
    Ok(mended)
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

/// Makes the mirror anew; a half-made one never has the final name.
async fn make(git: &mut Git<'_>, path: &Path) -> Result<(), Trouble> {
    let trouble = |e: io::Error| Trouble::io("the mirror could not be made", &e);
    let parent = path.parent().expect("a mirror lies in the mirrors' directory");
    let fresh = path.with_extension("new");
    for old in [path, &fresh] {
        if old.exists() {
            fs_err::remove_dir_all(old).map_err(trouble)?;
        }
    }
    let name = fresh.to_string_lossy().into_owned();
    git.run(parent, &["init", "--quiet", "--bare", "--template=", &name]).await?;
    whole::found_whole(&fresh).map_err(trouble)?;
    fs_err::rename(&fresh, path).map_err(trouble)
}

/// Fetches the revision; a mirror that is found broken meanwhile is mended, once.
async fn fetch(git: &mut Git<'_>, mirror: &Mirror, source: &Source) -> Result<(), Trouble> {
    let Err(trouble) = ask_for(git, &mirror.path, source).await else { return Ok(()) };
    if !trouble.is_gits() {
        return Err(trouble);
    }
    let url = without_password(&source.url);
    let look = ["ls-remote", "--quiet", &source.url, "HEAD"];
    if git.ask(&mirror.path, &look).await?.is_none() {
        let text = format!("{url} could not be fetched: see the step's stderr for what git said");
        return Err(trouble.become_(infrastructure("fetch_failed", text)));
    }
    let again = match mend(git, mirror, source).await? {
        true => ask_for(git, &mirror.path, source).await,
        false => Err(trouble),
    };
    again.map_err(|trouble| {
        if !trouble.is_gits() {
            return trouble;
        }
        let Source { branch, revision, .. } = source;
        let text = format!("{url} has no revision {revision} (asked for on branch `{branch}`)");
        trouble.become_(Ending::NoSuchRevision { text })
    })
}

async fn ask_for(git: &mut Git<'_>, mirror: &Path, source: &Source) -> Result<(), Trouble> {
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
    git.run(mirror, &["fetch", "--force", "--update-shallow", url, &refspec]).await
}
