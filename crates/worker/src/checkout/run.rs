//! The checkout step, from source to workspace.

use std::path::Path;
use std::time::Duration;

use steading_wire::worker::Ending;
use tokio_util::sync::CancellationToken;

use super::git::{Git, Trouble};
use super::mirror;
use super::refused::refused;
use super::tree;
use crate::attempts::Tools;
use crate::capture::Logs;
use crate::process::Finished;

/// How long a whole checkout may take.
const CHECKOUT_MAX: Duration = Duration::from_secs(3600);

/// What to bring.
#[derive(Debug)]
pub(crate) struct Source {
    /// URL, or an absolute path on this machine.
    pub(crate) url: String,
    /// The branch to stand on; empty: none.
    pub(crate) branch: String,
    /// The full revision.
    pub(crate) revision: String,
    /// Bring submodules too.
    pub(crate) submodules: bool,
}

impl Source {
    /// Whether the repository is a directory of this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.url.starts_with('/') || self.url.starts_with("file://")
    }
}

/// Brings a source into the workspace at `place`.
pub(crate) async fn run(
    tools: &Tools,
    source: &Source,
    place: &Path,
    logs: &mut Logs,
    cancel: &CancellationToken,
) -> Finished {
    if let Some(text) = refused(source) {
        return Finished { ending: Ending::NoSuchRevision { text }, exit: None };
    }
    let mut git = Git::new(&tools.launcher, logs, cancel, source.is_local(), CHECKOUT_MAX);
    match bring(&mut git, &tools.mirrors, source, place).await {
        Ok(()) => Finished { ending: Ending::Exited { code: 0 }, exit: None },
        Err(Trouble { ending, exit }) => Finished { ending, exit: exit.map(|exit| *exit) },
    }
}

async fn bring(
    git: &mut Git<'_>,
    mirrors: &Path,
    source: &Source,
    place: &Path,
) -> Result<(), Trouble> {
    let mirror = mirror::bring(git, mirrors, source).await?;
    match tree::fetch(git, &mirror, source, place).await {
        // Into a workspace made anew: it must be the mirror.
        Err(trouble) if trouble.is_gits() => {
            if !mirror::bring_again(git, &mirror, source).await? {
                return Err(tree::fault(trouble, "the workspace"));
            }
            let again = tree::fetch(git, &mirror, source, place).await;
            again.map_err(|trouble| tree::fault(trouble, "the workspace"))?;
        }
        fetched => fetched?,
    }
    // The mirror's lock is given back: what follows needs the workspace alone.
    drop(mirror);
    tree::stand(git, source, place).await?;
    if source.submodules {
        tree::submodules(git, place).await
    } else {
        tree::without_submodules(git, place).await
    }
}
