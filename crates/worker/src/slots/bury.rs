//! The end of a shepherd: nothing of it is left before anybody is told.

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::process::Child;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep, timeout};

use crate::shepherd::{ERRANDS, LADDER_MAX, LOCK, holder, is_free, sweep};

/// How often a lock is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a shepherd that was told to go, or was killed, may take.
const GO_MAX: Duration = Duration::from_secs(5);

/// Ends a shepherd that is lost, waits until what its errand runs is dead, and finds the rest.
pub(super) async fn bury(child: Option<Child>, dir: &Path, mark: &str) {
    if let Some(mut child) = child {
        let _ = child.start_kill();
        let _ = timeout(GO_MAX, child.wait()).await;
    }
    if let Err(error) = kill_holder(dir) {
        tracing::warn!("the shepherd of {} cannot be ended: {error}", dir.display());
    }
    // Its errand ends the tree as soon as the shepherd is dead.
    wait_free(&dir.join(LOCK), GO_MAX).await;
    wait_free(&dir.join(ERRANDS), LADDER_MAX).await;
    let left = block_in_place(|| sweep(mark));
    if !left.is_empty() {
        tracing::warn!("a lost shepherd left these, they were killed: {}", left.join(", "));
    }
}

/// Waits for a shepherd that goes by itself.
pub(super) async fn see_off(child: Option<Child>, dir: &Path) {
    if let Some(mut child) = child {
        let _ = timeout(GO_MAX, child.wait()).await;
    }
    wait_free(&dir.join(LOCK), GO_MAX).await;
}

/// Waits until nobody holds a lock, or for too long.
pub(crate) async fn wait_free(path: &Path, longest: Duration) -> bool {
    let end = Instant::now() + longest;
    loop {
        match is_free(path) {
            Ok(false) if Instant::now() < end => sleep(LOOK_EVERY).await,
            Ok(free) => return free,
            Err(_) => return true,
        }
    }
}

/// Kills whoever holds a slot. The lock is looked at again once the process is pinned: its number
/// may have passed to another one.
fn kill_holder(dir: &Path) -> io::Result<()> {
    let lock = dir.join(LOCK);
    let Some(seen) = holder(&lock)? else { return Ok(()) };
    let Ok(fd) = pidfd_open(seen.pid, PidfdFlags::empty()) else { return Ok(()) };
    if holder(&lock)? == Some(seen) {
        pidfd_send_signal(fd, Signal::KILL)?;
    }
    Ok(())
}
