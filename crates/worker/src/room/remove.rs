//! Removing a directory, whatever a build made of its permissions.

use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes a directory with all that is in it. Some tools leave directories nobody may write to:
/// these are made writable first.
///
/// # Errors
/// When something stays.
pub(super) fn all(dir: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(dir) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(dir)?;
            fs_err::remove_dir_all(dir)
        }
        other => other,
    }
}

fn open_up(dir: &Path) -> io::Result<()> {
    let mut look = vec![dir.to_owned()];
    while let Some(dir) = look.pop() {
        fs_err::set_permissions(&dir, std::fs::Permissions::from_mode(0o700))?;
        for entry in fs_err::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                look.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_may_write_to_goes_too() {
        let dir = tempfile::tempdir().expect("a directory");
        let top = dir.path().join("top");
        std::fs::create_dir_all(top.join("a/b")).expect("made");
        std::fs::write(top.join("a/b/file"), "x").expect("written");
        for closed in ["a/b", "a"] {
            let closed = top.join(closed);
            std::fs::set_permissions(closed, PermissionsExt::from_mode(0o500)).expect("closed");
        }
        all(&top).expect("removed");
        assert!(!top.exists());
    }
}
