//! One bare mirror per repository: where changes are read and revisions are made absolute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use steading_core::farm::Repository;
use tokio::sync::Mutex;

use super::commit::{self, Commit};
use super::git::{Deadline, GitError, git};
use crate::programs::Programs;

/// What a remote has, without fetching it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    /// The branch `HEAD` names; absent for an empty repository or a detached head.
    pub default: Option<String>,
    /// The revision of `HEAD`.
    pub head: Option<String>,
    /// Branches and their revisions.
    pub branches: BTreeMap<String, String>,
}

/// The mirrors of a farm, below one directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mirrors {
    directory: PathBuf,
    programs: Programs,
    locks: Arc<std::sync::Mutex<BTreeMap<String, Arc<Mutex<()>>>>>,
}

impl Mirrors {
    /// Mirrors below `directory`, each made when first needed.
    pub fn new(directory: PathBuf) -> Mirrors {
        Mirrors::of(directory, Programs::Processes)
    }

    /// The same, with a say in where git runs.
    pub fn of(directory: PathBuf, programs: Programs) -> Mirrors {
        Mirrors { directory, programs, locks: Arc::default() }
    }

    /// What the remote has now.
    ///
    /// # Errors
    /// When git cannot reach it.
    pub async fn heads(&self, repository: &Repository) -> Result<Heads, GitError> {
        let args = ["ls-remote", "--symref", "--", &repository.url, "HEAD", "refs/heads/*"];
        let output = git(&self.programs, None, &args, Deadline::Look).await?;
        Ok(parse_heads(&String::from_utf8_lossy(&output)))
    }

    /// Brings the mirror up to date with the remote's branches and tags.
    ///
    /// # Errors
    /// When git cannot fetch, or the mirror cannot be made.
    pub async fn fetch(&self, repository: &Repository) -> Result<Mirror, GitError> {
        let lock = self.lock(&repository.url);
        let _one_at_a_time = lock.lock().await;
        let programs = self.programs.clone();
        let mirror = Mirror { directory: self.place(&repository.url), programs };
        mirror.make().await?;
        match mirror.update(&repository.url).await {
            Err(GitError::Failed { stderr, .. }) if is_broken(&stderr) => {
                tracing::warn!(repository = repository.name, "its mirror is made anew: {stderr}");
                mirror.remove().await?;
                mirror.make().await?;
                mirror.update(&repository.url).await?;
            }
            updated => updated?,
        }
        Ok(mirror)
    }

    fn place(&self, url: &str) -> PathBuf {
        self.directory.join(&blake3::hash(url.as_bytes()).to_hex()[..16])
    }

    fn lock(&self, url: &str) -> Arc<Mutex<()>> {
        let mut locks = self.locks.lock().expect("no holder panics: it only looks up");
        locks.entry(url.to_owned()).or_default().clone()
    }
}

/// A mirror that has just been fetched.
#[derive(Debug, Clone)]
pub struct Mirror {
    directory: PathBuf,
    programs: Programs,
}

impl Mirror {
    /// Makes it where there is none, whole or not at all. One that was written under an earlier
    /// boot of the machine may lack what git had not synced, and is looked through first.
    async fn make(&self) -> Result<(), GitError> {
        if self.directory.join("HEAD").exists() {
            let found = std::fs::read_to_string(self.directory.join(WHOLE));
            if found.is_ok_and(|boot| boot == this_boot()) {
                return Ok(());
            }
            let all = ["fsck", "--no-dangling", "--no-progress", "--no-reflogs"];
            match git(&self.programs, Some(&self.directory), &all, Deadline::Fetch).await {
                Ok(_) => return found_whole(&self.directory),
                Err(GitError::Failed { stderr, .. }) => {
                    tracing::warn!("a mirror is broken and is made anew: {stderr}");
                }
                Err(other) => return Err(other),
            }
        }
        self.remove().await?;
        let fresh = self.directory.with_extension("new");
        let args = ["init".as_ref(), "--bare".as_ref(), "--quiet".as_ref(), fresh.as_os_str()];
        git(&self.programs, None, &args, Deadline::Local).await?;
        found_whole(&fresh)?;
        fs_err::rename(&fresh, &self.directory).map_err(unusable)
    }

    async fn remove(&self) -> Result<(), GitError> {
        let places = [self.directory.clone(), self.directory.with_extension("new")];
        let removing = steading_store::off_thread(move || {
            places.iter().filter(|place| place.exists()).try_for_each(fs_err::remove_dir_all)
        });
        removing.await.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(unusable)
    }

    async fn update(&self, url: &str) -> Result<(), GitError> {
        let args = [
            "fetch",
            "--quiet",
            "--prune",
            "--force",
            "--no-auto-gc",
            "--",
            url,
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        ];
        git(&self.programs, Some(&self.directory), &args, Deadline::Fetch).await.map(drop)
    }

    /// The full revision a name, tag, branch or abbreviation stands for.
    ///
    /// # Errors
    /// When it names no commit of the mirror.
    pub async fn resolve(&self, name: &str) -> Result<String, GitError> {
        let wanted = format!("{name}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
        let output = git(&self.programs, Some(&self.directory), &args, Deadline::Local).await?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// First-parent revisions after `old` up to `new`, oldest first; absent when `old` is no
    /// ancestor: the branch was rewritten.
    ///
    /// # Errors
    /// When git fails for another reason.
    pub async fn between(&self, old: &str, new: &str) -> Result<Option<Vec<String>>, GitError> {
        let ancestor = ["merge-base", "--is-ancestor", old, new];
        match git(&self.programs, Some(&self.directory), &ancestor, Deadline::Local).await {
            Ok(_) => {}
            Err(GitError::Failed { .. }) => return Ok(None),
            Err(other) => return Err(other),
        }
        let range = format!("{old}..{new}");
        let args = ["rev-list", "--first-parent", "--reverse", &range];
        let output = git(&self.programs, Some(&self.directory), &args, Deadline::Local).await?;
        Ok(Some(String::from_utf8_lossy(&output).lines().map(str::to_owned).collect()))
    }

    /// Who wrote a revision, when, what they said, and the files against its first parent.
    ///
    /// # Errors
    /// When the mirror has no such revision.
    pub async fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let show = ["show", "-s", "--format=%an <%ae>%x00%ct%x00%B", revision];
        let said = git(&self.programs, Some(&self.directory), &show, Deadline::Local).await?;
        let files = self.files(revision).await?;
        Ok(commit::parse(&String::from_utf8_lossy(&said), files))
    }

    async fn files(&self, revision: &str) -> Result<Vec<String>, GitError> {
        let args = [
            "-c",
            "log.showRoot=true",
            "log",
            "-1",
            "--first-parent",
            "-m",
            "--name-only",
            "--format=",
            "-z",
            revision,
        ];
        let output = git(&self.programs, Some(&self.directory), &args, Deadline::Local).await?;
        let names = output.split(|b| *b == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// The file in a mirror that names the boot of the machine under which it was found whole.
const WHOLE: &str = "steading-whole";

/// Whatever is in the mirror is whole, and stays so until the machine's end.
fn found_whole(mirror: &Path) -> Result<(), GitError> {
    fs_err::write(mirror.join(WHOLE), this_boot()).map_err(unusable)
}

/// What the kernel calls this run of the machine.
fn this_boot() -> String {
    fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// Whether git speaks of the mirror itself, as a crash of the machine leaves it: a lock nobody
/// holds, an object that was never written out. It is a cache; the remote has it all.
fn is_broken(stderr: &str) -> bool {
    [".lock': File exists", "fatal: not a git repository", "fatal: loose object", "object file "]
        .iter()
        .any(|sign| stderr.contains(sign))
}

fn unusable(error: std::io::Error) -> GitError {
    GitError::Mirror(error.to_string())
}

fn parse_heads(text: &str) -> Heads {
    let mut heads = Heads::default();
    for line in text.lines() {
        let Some((left, right)) = line.split_once('\t') else { continue };
        if let Some(target) = left.strip_prefix("ref: ") {
            heads.default = target.strip_prefix("refs/heads/").map(str::to_owned);
        } else if right == "HEAD" {
            heads.head = Some(left.to_owned());
        } else if let Some(branch) = right.strip_prefix("refs/heads/") {
            heads.branches.insert(branch.to_owned(), left.to_owned());
        }
    }
    heads.default = heads.default.take().or_else(|| standing_at(&heads));
    heads
}

/// The default branch of a clone whose head is detached: one that stands where the head does.
fn standing_at(heads: &Heads) -> Option<String> {
    let head = heads.head.as_ref()?;
    let mut here = heads.branches.iter().filter(|(_, revision)| *revision == head);
    here.next().map(|(branch, _)| branch.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_with_the_default_branch() {
        let text = "ref: refs/heads/main\tHEAD\naa11\tHEAD\naa11\trefs/heads/main\nbb22\trefs/heads/release/2\n";
        let heads = parse_heads(text);
        assert_eq!(heads.default.as_deref(), Some("main"));
        assert_eq!(heads.head.as_deref(), Some("aa11"));
        assert_eq!(heads.branches["release/2"], "bb22");
        assert_eq!(parse_heads(""), Heads::default());
    }
}
