//! Directories of a workspace: made when missing, never outside of it.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::room::touch;

/// A path that would lead out of the workspace.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` leads out of the workspace: write a path below it, without `..`")]
pub(crate) struct Outside(String);

/// Makes a workspace, if it is missing, for a step that begins: from now on it is used.
pub(crate) fn create(work: &Path, name: &str) -> io::Result<PathBuf> {
    let path = work.join(name);
    fs_err::create_dir_all(&path)?;
    touch(&path)?;
    Ok(path)
}

/// A relative path as it lies below a workspace; refuses one that is absolute or goes up.
pub(crate) fn below(path: &str) -> Result<PathBuf, Outside> {
    let mut clean = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            _ => return Err(Outside(path.to_owned())),
        }
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(below(path).ok(), expected.map(PathBuf::from), "{path}");
        };
        check("a/b", Some("a/b"));
        check("./a", Some("a"));
        check(".", Some(""));
        check("", Some(""));
        check("../a", None);
        check("a/../../b", None);
        check("/etc", None);
    }
}
