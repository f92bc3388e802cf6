//! The disk itself, as a test holds it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{BackgroundSession, Config, Errno, MountOption};
use rustix::process::{getegid, geteuid};

use crate::chance::Chance;
use crate::node::Owner;
use crate::serve::Served;
use crate::tree::Tree;

/// How long an unmounting waits for those who still look at the disk.
const BUSY_ROUNDS: usize = 500;
const BUSY_WAIT: Duration = Duration::from_millis(10);

/// What becomes of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it is lost.
    All,
    /// What this seed wants of it is lost.
    Some(u64),
}

/// What was done with a disk since it was mounted first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Files and directories that were synced.
    pub syncs: u64,
    /// Changes – of bytes, length, names – that power cuts took, wholly or in part.
    pub lost: u64,
}

/// There can be no such disk on this machine: what is missing, and how to get it.
#[derive(Debug)]
pub struct Unavailable(String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mounted disk. Unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
}

/// What the test and those who serve the mount share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tree: Tree,
    power: Power,
    /// How often it was mounted. Whoever came by an earlier mount has no disk any more.
    mounts: u64,
    pub(crate) delay: Duration,
    pub(crate) figures: Figures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    /// Nothing is answered: whoever asks waits, and is to be killed.
    Cut,
    /// Whoever asked is told that there is no disk.
    Off,
}

impl Shared {
    /// The state for whoever comes by this mount, once there is power; an error when there is none
    /// any more.
    pub(crate) fn on(&self, mount: u64) -> Result<MutexGuard<'_, State>, Errno> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut State| state.power == Power::Cut;
        let state = self.moved.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        match state.power {
            Power::On if state.mounts == mount => Ok(state),
            _ => Err(Errno::EIO),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, power: Power) {
        self.state().power = power;
        self.moved.notify_all();
    }
}

impl Disk {
    /// Mounts an empty disk over this directory, which is made if it is not there.
    ///
    /// # Errors
    /// When this machine cannot mount one; the text says what is missing.
    pub fn mount(at: &Path) -> Result<Disk, Unavailable> {
        let unavailable = |error: io::Error| {
            Unavailable(format!(
                "no disk that loses unsynced data can be mounted on {}: {error}; it needs the \
                 device /dev/fuse (`modprobe fuse`; a container: `--device /dev/fuse --cap-add \
                 SYS_ADMIN`) and, if you are not root, `fusermount3` (package fuse3)",
                at.display()
            ))
        };
        std::fs::create_dir_all(at).map_err(unavailable)?;
        let at = at.canonicalize().map_err(unavailable)?;
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        let tree = Tree::new(Owner { mode: 0o700, user, group }, now());
        let (delay, figures) = (Duration::ZERO, Figures::default());
        let state = State { tree, power: Power::On, mounts: 0, delay, figures };
        let shared = Shared { state: Mutex::new(state), moved: Condvar::new() };
        let mut disk = Disk { at, shared: Arc::new(shared), session: None };
        disk.serve().map_err(unavailable)?;
        Ok(disk)
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut config = Config::default();
        let name = MountOption::FSName("lossy".to_owned());
        config.mount_options = vec![name, MountOption::DefaultPermissions];
        let mut state = self.shared.state();
        state.mounts += 1;
        let served = Served::new(self.shared.clone(), state.mounts);
        drop(state);
        self.session = Some(fuser::spawn_mount(served, &self.at, &config)?);
        Ok(())
    }

    /// Cuts the power: what was not synced is lost from this moment on, and whoever asks the disk
    /// for anything waits. Kill them all and [`release`](Disk::release) them, then
    /// [`restore`](Disk::restore). Until they are released read nothing of them in `/proc`: that
    /// can wait for them, and if it is this process that waits, for ever.
    pub fn cut(&self, loss: Loss) {
        let mut chance = match loss {
            Loss::All => Chance::none(),
            Loss::Some(seed) => Chance::seeded(seed),
        };
        let mut state = self.shared.state();
        assert_eq!(state.power, Power::On, "the power is cut once");
        state.figures.lost += state.tree.lose(&mut chance);
        state.power = Power::Cut;
    }

    /// Whoever still waits for the disk is told that there is none: so the killed can die.
    pub fn release(&self) {
        self.shared.set(Power::Off);
    }

    /// Mounts what the power cut left, in the same place.
    ///
    /// # Errors
    /// When the place is still in use, or it cannot be mounted.
    pub fn restore(&mut self) -> io::Result<()> {
        self.release();
        self.unmount()?;
        self.shared.set(Power::On);
        self.serve()
    }

    /// From now on each sync takes so long.
    pub fn delay(&self, each: Duration) {
        self.shared.state().delay = each;
    }

    /// From now on there is room for so many bytes more than there are; for any number, if `None`.
    pub fn leave_room(&self, bytes: Option<u64>) {
        let mut state = self.shared.state();
        state.tree.room = bytes.map_or(u64::MAX, |bytes| state.tree.used() + bytes);
    }

    /// What was done so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.shared.state().figures
    }

    fn unmount(&mut self) -> io::Result<()> {
        let Some(session) = self.session.take() else { return Ok(()) };
        let mut result = Ok(());
        for _ in 0..BUSY_ROUNDS {
            result = rustix::mount::unmount(&self.at, rustix::mount::UnmountFlags::empty());
            match result {
                Err(rustix::io::Errno::BUSY) => std::thread::park_timeout(BUSY_WAIT),
                _ => break,
            }
        }
        // Who is not root has a helper for it, and fuser knows it. Nobody waits for the end of the
        // session: a copy of the mount may live on in the namespace of some process elsewhere.
        drop(session);
        if result == Err(rustix::io::Errno::PERM) { Ok(()) } else { Ok(result?) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.release();
        if self.unmount().is_err() {
            let _ = rustix::mount::unmount(&self.at, rustix::mount::UnmountFlags::DETACH);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "programs that use the disk see the real time")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
