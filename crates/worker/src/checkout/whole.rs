//! Which repositories are whole. Git syncs little of what it writes, so a machine that lost its
//! power leaves some half written: one that was written under an earlier boot is not trusted.

use std::io;
use std::path::Path;

use crate::boot::boot;

/// The file in a repository that names the boot of the machine under which it was found whole.
const WHOLE: &str = "steading-whole";
/// Locks that git takes beside its references.
const LOCK: &str = "lock";

/// Whether a repository was found whole since the machine was booted. Processes that die leave
/// repositories whole: only the machine's end does not.
pub(super) fn is_whole(repository: &Path) -> bool {
    std::fs::read_to_string(repository.join(WHOLE)).is_ok_and(|known| known == boot())
}

/// A repository is whole now.
pub(super) fn found_whole(repository: &Path) -> io::Result<()> {
    fs_err::write(repository.join(WHOLE), boot())
}

/// Removes the locks that a killed git left, in a repository that nobody else uses; says whether
/// there were any.
pub(super) fn unlock(repository: &Path) -> io::Result<bool> {
    let mut found = false;
    for entry in fs_err::read_dir(repository)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("objects") {
            found |= unlock(&path)?;
        } else if path.extension().is_some_and(|extension| extension == LOCK) {
            fs_err::remove_file(path)?;
            found = true;
        }
    }
    Ok(found)
}
