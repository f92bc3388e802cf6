//! How much room a directory takes.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The bytes a directory takes on the disk, links to one file counted once. What cannot be seen, or
/// vanishes meanwhile, counts nothing.
pub(super) fn bytes(dir: &Path) -> u64 {
    let mut bytes = 0_u64;
    let mut linked = BTreeSet::new();
    let mut look = vec![dir.to_owned()];
    while let Some(dir) = look.pop() {
        for entry in fs_err::read_dir(&dir).into_iter().flatten().flatten() {
            // Of a link itself, not of what it leads to.
            let Ok(found) = entry.metadata() else { continue };
            if found.nlink() > 1 && !found.is_dir() && !linked.insert((found.dev(), found.ino())) {
                continue;
            }
            bytes = bytes.saturating_add(found.blocks().saturating_mul(512));
            if found.is_dir() {
                look.push(entry.path());
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_counts_once_and_what_is_pointed_at_not_at_all() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("a/b")).expect("made");
        std::fs::write(at("a/b/one"), vec![1; 100_000]).expect("written");
        let one = bytes(dir.path());
        assert!((100_000..150_000).contains(&one), "{one}");
        std::fs::hard_link(at("a/b/one"), at("a/two")).expect("linked");
        std::os::unix::fs::symlink("/usr", at("a/usr")).expect("linked");
        assert!(bytes(dir.path()) < one + 10_000);
        assert_eq!(bytes(&at("none")), 0);
    }
}
