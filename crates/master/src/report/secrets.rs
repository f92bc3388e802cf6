//! Secrets by name: files in the data directory's `secrets`, for their owner alone.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::deliver::Failed;

/// Longest secret that is read.
const SECRET_BYTES_MAX: u64 = 4096;

/// What a file of `secrets` holds, without its line end. A missing one may come yet.
pub(super) fn read(data: &Path, name: &str) -> Result<String, Failed> {
    let file = data.join("secrets").join(name);
    let found = fs_err::metadata(&file).map_err(|error| Failed::Passing(error.to_string()))?;
    if found.permissions().mode() & 0o077 != 0 {
        let text = format!("{} may be read by others: chmod 600 it", file.display());
        return Err(Failed::Passing(text));
    }
    if found.len() > SECRET_BYTES_MAX {
        return Err(Failed::Passing(format!("{} is no secret: too long", file.display())));
    }
    let text = fs_err::read_to_string(&file).map_err(|e| Failed::Passing(e.to_string()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_alone() {
        let data = tempfile::tempdir().expect("a directory");
        assert!(read(data.path(), "key").is_err(), "it is not there");
        let file = data.path().join("secrets/key");
        std::fs::create_dir(data.path().join("secrets")).expect("made");
        std::fs::write(&file, "hush\n").expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("set");
        let refused = read(data.path(), "key").expect_err("others may read it");
        assert!(matches!(refused, Failed::Passing(text) if text.contains("chmod 600")));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("set");
        assert_eq!(read(data.path(), "key").as_deref(), Ok("hush"));
    }
}
