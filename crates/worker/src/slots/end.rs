//! Ends every shepherd of a worker's directory, for whoever wants nothing left of a farm.

use std::path::Path;

use super::bury::bury;
use crate::home;
use crate::shepherd::{ERRANDS, LOCK, is_free};

/// Kills the shepherds of the worker that used `dir` and all they run. Its daemon must be dead, or
/// it would start them again. Needs tokio's multi-threaded runtime.
pub async fn end_shepherds(dir: &Path) {
    let Ok(dir) = fs_err::canonicalize(dir) else { return };
    let Ok(instance) = home::instance(&dir) else { return };
    for entry in fs_err::read_dir(dir.join("slots")).into_iter().flatten().flatten() {
        let path = entry.path();
        let lives = |name: &str| is_free(&path.join(name)).is_ok_and(|free| !free);
        if path.join(LOCK).exists() && (lives(LOCK) || lives(ERRANDS)) {
            let slot = entry.file_name();
            bury(None, &path, &home::mark(&instance, &slot.to_string_lossy())).await;
        }
    }
}
