//! Keeps workspaces and mirrors within their limits, beside whatever else the worker does.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FlockOperation, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, flock};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::evict::{Kept, evicted, total};
use super::{remove, size};

/// How often the disk is looked at when nothing happens.
const PERIOD: Duration = Duration::from_secs(300);
/// A look is followed by a pause this many times as long: it takes little of the machine.
const PAUSE: u32 = 20;
/// The shortest pause.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Two kinds of directories, each with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Workspace,
    Mirror,
}

/// A directory whose size is known as of its last use.
type Known = BTreeMap<PathBuf, (SystemTime, u64)>;

/// What takes room, and how much of it is too much.
#[derive(Debug)]
pub(crate) struct Keeper {
    work: PathBuf,
    work_max: u64,
    mirrors: PathBuf,
    mirrors_max: u64,
    /// What is being removed: nobody uses it any more.
    gone: PathBuf,
    inner: Mutex<Inner>,
    look: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Workspaces somebody needs.
    in_use: BTreeSet<String>,
    /// Counts what was removed, for names.
    removed: u64,
    /// Bytes at the last look, of workspaces and of mirrors.
    bytes: Option<(u64, u64)>,
}

impl Keeper {
    /// For these directories; a limit that is not given is half of the file system for workspaces,
    /// and a quarter for mirrors.
    pub(crate) fn new(
        (work, work_max): (PathBuf, Option<u64>),
        (mirrors, mirrors_max): (PathBuf, Option<u64>),
        gone: PathBuf,
    ) -> Keeper {
        let whole = whole(&work);
        Keeper {
            work_max: work_max.unwrap_or(whole / 2),
            mirrors_max: mirrors_max.unwrap_or(whole / 4),
            work,
            mirrors,
            gone,
            inner: Mutex::default(),
            look: Notify::new(),
        }
    }

    /// From now on these workspaces are needed, and no others. Whatever is named here stays.
    pub(crate) fn in_use(&self, names: BTreeSet<String>) {
        let fewer = {
            let mut inner = self.inner();
            let fewer = inner.in_use.difference(&names).next().is_some();
            inner.in_use = names;
            fewer
        };
        if fewer {
            self.look.notify_one();
        }
    }

    /// What people are told of it, as plain facts.
    pub(crate) fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        let mut add = |name: &str, bytes: u64| {
            facts.insert(name.to_owned(), mib(bytes).to_string());
        };
        add("work_limit_mib", self.work_max);
        add("mirrors_limit_mib", self.mirrors_max);
        if let Some((work, mirrors)) = self.inner().bytes {
            add("work_mib", work);
            add("mirrors_mib", mirrors);
        }
        facts
    }

    /// Looks again and again: when a workspace is free again, and now and then.
    pub(crate) async fn run(self: Arc<Keeper>) -> Infallible {
        let mut known = Known::new();
        loop {
            let began = Instant::now();
            let keeper = Arc::clone(&self);
            let looking = tokio::task::spawn_blocking(move || {
                keeper.pass(&mut known);
                known
            });
            // What a look that broke knew is found out again.
            known = looking.await.unwrap_or_default();
            sleep((began.elapsed() * PAUSE).max(PAUSE_MIN)).await;
            let _ = timeout(PERIOD, self.look.notified()).await;
        }
    }

    /// Looks once, and removes what is too much.
    fn pass(&self, known: &mut Known) {
        // Also what an earlier worker did not come to.
        for entry in fs_err::read_dir(&self.gone).into_iter().flatten().flatten() {
            self.remove(&entry.path());
        }
        let mut seen = Known::new();
        let work = self.keep(Kind::Workspace, known, &mut seen);
        let mirrors = self.keep(Kind::Mirror, known, &mut seen);
        self.inner().bytes = Some((work, mirrors));
        *known = seen;
    }

    /// Brings one kind within its limit; gives the bytes that are left.
    fn keep(&self, kind: Kind, known: &Known, seen: &mut Known) -> u64 {
        let (dir, limit) = match kind {
            Kind::Workspace => (&self.work, self.work_max),
            Kind::Mirror => (&self.mirrors, self.mirrors_max),
        };
        let kept = self.sizes(kind, dir, known, seen);
        let mut left = total(&kept);
        for one in evicted(&kept, limit) {
            match self.take_away(kind, &dir.join(&one.name)) {
                Ok(true) => {
                    tracing::info!(
                        "{} {} is removed, the longest unused: it had {} MiB, all of them {} of {} MiB",
                        kind.word(),
                        one.name,
                        mib(one.bytes),
                        mib(left),
                        mib(limit),
                    );
                    left = left.saturating_sub(one.bytes);
                }
                // Somebody uses it by now.
                Ok(false) => {}
                Err(error) => tracing::warn!("a {} stays on the disk: {error}", kind.word()),
            }
        }
        if left > limit {
            let (left, limit) = (mib(left), mib(limit));
            tracing::warn!("the {}s in use take {left} MiB of {limit}", kind.word());
        }
        left
    }

    fn sizes(&self, kind: Kind, dir: &Path, known: &Known, seen: &mut Known) -> Vec<Kept> {
        let in_use = self.inner().in_use.clone();
        let mut kept = Vec::new();
        for entry in fs_err::read_dir(dir).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let Ok(found) = entry.metadata() else { continue };
            if !found.is_dir() || (kind == Kind::Mirror && !name.ends_with(".git")) {
                continue;
            }
            let used = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let in_use = match kind {
                Kind::Workspace => in_use.contains(&name),
                // Whether a checkout has it now; asked again when it is to go.
                Kind::Mirror => {
                    !free(&path.with_extension("lock")).is_ok_and(|lock| lock.is_some())
                }
            };
            // Whoever uses it touches it first, so one that was not touched is as it was.
            let same = known.get(&path).filter(|(then, _)| *then == used && !in_use);
            let bytes = same.map_or_else(|| size::bytes(&path), |(_, bytes)| *bytes);
            if !in_use {
                seen.insert(path, (used, bytes));
            }
            kept.push(Kept { name, bytes, used, in_use });
        }
        kept
    }

    /// Takes a directory out of everybody's sight, unless it is in use, and removes it.
    fn take_away(&self, kind: Kind, path: &Path) -> io::Result<bool> {
        fs_err::create_dir_all(&self.gone)?;
        let taken = match kind {
            Kind::Workspace => {
                let mut inner = self.inner();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if inner.in_use.contains(name.as_ref()) {
                    return Ok(false);
                }
                // Under the lock: nobody begins to use it meanwhile.
                self.rename(&mut inner, path)?
            }
            Kind::Mirror => {
                let Some(_lock) = free(&path.with_extension("lock"))? else { return Ok(false) };
                self.rename(&mut self.inner(), path)?
            }
        };
        self.remove(&taken);
        Ok(true)
    }

    fn rename(&self, inner: &mut Inner, path: &Path) -> io::Result<PathBuf> {
        inner.removed += 1;
        let name = format!("{}-{}", std::process::id(), inner.removed);
        let taken = self.gone.join(name);
        fs_err::rename(path, &taken)?;
        Ok(taken)
    }

    fn remove(&self, path: &Path) {
        if let Err(error) = remove::all(path) {
            tracing::warn!("what was taken away stays on the disk, and is tried again: {error}");
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Workspace => "workspace",
            Kind::Mirror => "mirror",
        }
    }
}

/// Notes that a directory is used now.
pub(crate) fn touch(dir: &Path) -> io::Result<()> {
    let at = |nsec| Timespec { tv_sec: 0, tv_nsec: nsec };
    let now = Timestamps { last_access: at(UTIME_OMIT), last_modification: at(UTIME_NOW) };
    Ok(rustix::fs::utimensat(CWD, dir, &now, rustix::fs::AtFlags::empty())?)
}

/// The lock of a mirror, unless a checkout has it.
fn free(lock: &Path) -> io::Result<Option<File>> {
    let file = fs_err::OpenOptions::new().create(true).append(true).open(lock)?.into_parts().0;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The bytes of the file system a directory is on.
fn whole(dir: &Path) -> u64 {
    rustix::fs::statvfs(dir)
        .map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize))
        // A directory that cannot be seen takes no room.
        .unwrap_or(u64::MAX)
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    struct Disk {
        dir: tempfile::TempDir,
        keeper: Keeper,
        known: Known,
    }

    impl Disk {
        fn new(limit: u64) -> Disk {
            let dir = tempfile::tempdir().expect("a directory");
            let at = |name: &str| dir.path().join(name);
            let (work, mirrors) = (at("work"), at("mirrors"));
            for made in [&work, &mirrors] {
                std::fs::create_dir(made).expect("made");
            }
            let keeper = Keeper::new((work, Some(limit)), (mirrors, Some(limit)), at("gone"));
            Disk { dir, keeper, known: Known::new() }
        }

        /// A directory that was last used at that second.
        fn put(&self, name: &str, mib: u64, used: u64) {
            let path = self.dir.path().join(name);
            std::fs::create_dir_all(path.join("below")).expect("made");
            let bytes = vec![7; usize::try_from(mib * MIB).expect("small")];
            std::fs::write(path.join("below/file"), bytes).expect("written");
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(used);
            File::open(path).expect("there").set_modified(used).expect("set");
        }

        fn uses(&self, names: &[&str]) {
            self.keeper.in_use(names.iter().map(|name| (*name).to_owned()).collect());
        }

        fn left(&mut self) -> String {
            self.keeper.pass(&mut self.known);
            let mut left = Vec::new();
            for dir in ["work", "mirrors", "gone"] {
                let entries = std::fs::read_dir(self.dir.path().join(dir)).into_iter().flatten();
                let names = entries.map(|entry| entry.expect("read").file_name());
                left.extend(names.filter_map(|name| name.into_string().ok()));
            }
            left.retain(|name| !name.ends_with(".lock"));
            left.sort();
            left.join(" ")
        }
    }

    #[test]
    fn workspaces_go_by_age_and_never_in_use() {
        let mut disk = Disk::new(5 * MIB);
        disk.put("work/a-1", 2, 10);
        disk.put("work/b-1", 2, 20);
        assert_eq!(disk.left(), "a-1 b-1");
        assert_eq!(disk.keeper.facts()["work_limit_mib"], "5");
        assert_eq!(disk.keeper.facts()["work_mib"], "4");
        disk.put("work/c-1", 2, 30);
        disk.uses(&["a-1"]);
        assert_eq!(disk.left(), "a-1 c-1", "the oldest is in use");
        disk.put("work/d-1", 4, 40);
        assert_eq!(disk.left(), "a-1", "what is in use counts");
        disk.uses(&[]);
        assert_eq!(disk.left(), "a-1");
    }

    #[test]
    fn one_that_was_used_since_is_measured_again() {
        let mut disk = Disk::new(3 * MIB);
        disk.put("work/a-1", 2, 10);
        assert_eq!(disk.left(), "a-1");
        disk.put("work/a-1", 4, 10);
        assert_eq!(disk.left(), "a-1", "nobody touched it, as far as is known");
        touch(&disk.dir.path().join("work/a-1")).expect("touched");
        assert_eq!(disk.left(), "");
    }

    #[test]
    fn mirrors_go_unless_a_checkout_has_them() {
        let mut disk = Disk::new(3 * MIB);
        disk.put("mirrors/old.git", 2, 10);
        disk.put("mirrors/new.git", 2, 20);
        let lock = free(&disk.dir.path().join("mirrors/old.lock")).expect("opened");
        assert!(lock.is_some());
        assert_eq!(disk.left(), "old.git", "the older one is locked");
        disk.put("mirrors/next.git", 2, 30);
        drop(lock);
        assert_eq!(disk.left(), "next.git");
    }

    #[test]
    fn what_an_earlier_worker_took_away_goes_too() {
        let mut disk = Disk::new(3 * MIB);
        disk.put("gone/1-1", 1, 10);
        assert_eq!(disk.left(), "");
    }
}
