//! The workspace as a clone: exactly the revision, and nothing else in it.

use std::io;
use std::path::Path;

use super::Source;
use super::git::{Git, Trouble};
use super::mirror::{Mirror, has};
use super::whole;
use crate::process::infrastructure;

/// What a killed git may have left in the way.
const STALE_LOCKS: [&str; 4] = ["index.lock", "HEAD.lock", "config.lock", "shallow.lock"];

/// Brings the revision from the mirror; a workspace that is broken, or that was written before the
/// machine was booted, is made anew.
pub(crate) async fn fetch(
    git: &mut Git<'_>,
    mirror: &Mirror,
    source: &Source,
    place: &Path,
) -> Result<(), Trouble> {
    let repository = place.join(".git");
    if whole::is_whole(&repository) {
        match update(git, mirror, source, place).await {
            Err(trouble) if trouble.is_gits() => {
                git.note("the workspace's repository is broken and is made anew")?;
            }
            updated => return updated,
        }
    }
    empty(place).map_err(|e| Trouble::io("the workspace could not be emptied", &e))?;
    git.run(place, &["init", "--quiet", "--template=", "."]).await?;
    whole::found_whole(&repository).map_err(|e| Trouble::io("the workspace is not usable", &e))?;
    update(git, mirror, source, place).await
}

async fn update(
    git: &mut Git<'_>,
    mirror: &Mirror,
    source: &Source,
    place: &Path,
) -> Result<(), Trouble> {
    for lock in STALE_LOCKS {
        match fs_err::remove_file(place.join(".git").join(lock)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Trouble::io("a stale lock stays in the workspace", &e));
            }
            _ => {}
        }
    }
    git.run(place, &["config", "remote.origin.url", &source.url]).await?;
    git.run(place, &["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"])
        .await?;
    let target = match source.branch.as_str() {
        "" => "refs/steading/built".to_owned(),
        branch => format!("refs/remotes/origin/{branch}"),
    };
    let refspec = format!("+{}:{target}", source.revision);
    let mirror = mirror.path.to_string_lossy();
    git.run(place, &["fetch", "--quiet", "--force", "--update-shallow", &mirror, &refspec]).await?;
    // A repository whose objects are damaged is found here rather than in the middle of a build.
    match has(git, place, &source.revision).await? {
        true => Ok(()),
        false => Err(Trouble {
            ending: infrastructure("workspace_failed", "the workspace lacks the revision".into()),
            exit: None,
        }),
    }
}

/// Stands on the branch at the revision, and removes whatever else is there.
pub(crate) async fn stand(git: &mut Git<'_>, source: &Source, place: &Path) -> Result<(), Trouble> {
    let (branch, revision) = (source.branch.as_str(), source.revision.as_str());
    let stood = match branch {
        "" => git.run(place, &["checkout", "--quiet", "--force", "--detach", revision]).await,
        _ => git.run(place, &["checkout", "--quiet", "--force", "-B", branch, revision]).await,
    };
    stood.map_err(|t| fault(t, "git checkout"))?;
    git.run(place, &["clean", "-ffdxq"]).await.map_err(|t| fault(t, "git clean"))
}

/// Brings submodules to what the revision says.
pub(crate) async fn submodules(git: &mut Git<'_>, place: &Path) -> Result<(), Trouble> {
    if !place.join(".gitmodules").is_file() {
        return Ok(());
    }
    let steps: [&[&str]; 3] = [
        &["submodule", "--quiet", "sync", "--recursive"],
        &["submodule", "update", "--init", "--recursive", "--force"],
        &["submodule", "--quiet", "foreach", "--recursive", "git clean -ffdxq"],
    ];
    for arguments in steps {
        git.run(place, arguments).await.map_err(|t| fault(t, "a submodule"))?;
    }
    Ok(())
}

/// Removes submodules an earlier build of this workspace brought.
pub(crate) async fn without_submodules(git: &mut Git<'_>, place: &Path) -> Result<(), Trouble> {
    if !place.join(".git/modules").is_dir() {
        return Ok(());
    }
    git.run(place, &["submodule", "--quiet", "deinit", "--force", "--all"])
        .await
        .map_err(|t| fault(t, "a submodule"))
}

/// Git said no where nothing of the change is asked: not the build's fault.
pub(super) fn fault(trouble: Trouble, what: &str) -> Trouble {
    if !trouble.is_gits() {
        return trouble;
    }
    let text = format!("{what} could not be brought: see the step's stderr for what git said");
    trouble.become_(infrastructure("checkout_failed", text))
}

fn empty(place: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(place)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs_err::remove_dir_all(entry.path())?;
        } else {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(())
}
