//! Which files of a workspace the globs of an upload mean.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::open::{Opened, Refused, open};
use crate::workspace::below;

/// How many files one upload may send.
pub(crate) const FILES_MAX: usize = 10_000;

/// What globs mean.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Paths below the workspace, in order.
    pub(crate) files: BTreeSet<String>,
    /// What is wrong, a sentence each.
    pub(crate) problems: Vec<String>,
}

/// Looks through the workspace. A path without a star that is a directory means all files in it.
pub(crate) fn select(place: &Path, globs: &[String]) -> io::Result<Selection> {
    let mut selection = Selection::default();
    for glob in globs {
        let before = (selection.files.len(), selection.problems.len());
        selection.add(place, glob)?;
        if before == (selection.files.len(), selection.problems.len()) {
            selection.problems.push(format!("nothing matches `{glob}`"));
        }
    }
    Ok(selection)
}

impl Selection {
    fn add(&mut self, place: &Path, glob: &str) -> io::Result<()> {
        let clean = match below(glob) {
            Ok(clean) => clean.to_string_lossy().into_owned(),
            Err(error) => {
                self.problems.push(error.to_string());
                return Ok(());
            }
        };
        if !clean.contains(['*', '?', '[', '{']) {
            return self.add_path(place, &clean);
        }
        let matcher = GlobBuilder::new(&clean).literal_separator(true).build();
        match matcher {
            Ok(glob) => self.walk(place, fixed_part(&clean), &glob.compile_matcher()),
            Err(error) => {
                self.problems.push(format!("`{glob}` is no glob: {error}"));
                Ok(())
            }
        }
    }

    fn add_path(&mut self, place: &Path, path: &str) -> io::Result<()> {
        let path = if path.is_empty() { "." } else { path };
        match open(place, path) {
            Ok(Opened::File(..)) => drop(self.files.insert(path.to_owned())),
            Ok(Opened::Dir) => {
                let all = GlobBuilder::new("**").build().map_err(io::Error::other)?;
                let start = if path == "." { PathBuf::new() } else { path.into() };
                self.walk(place, start, &all.compile_matcher())?;
            }
            Err(Refused::Missing(_)) => {}
            Err(refused) => self.problems.push(refused.to_string()),
        }
        Ok(())
    }

    /// Links are not followed on the way: a file that is one is opened with care later.
    fn walk(&mut self, place: &Path, start: PathBuf, matcher: &GlobMatcher) -> io::Result<()> {
        let mut open_dirs = vec![start];
        while let Some(dir) = open_dirs.pop() {
            let full = place.join(&dir);
            if !full.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                continue;
            }
            for entry in fs_err::read_dir(full)? {
                let entry = entry?;
                let path = dir.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    open_dirs.push(path);
                } else if matcher.is_match(&path) {
                    self.found(&path);
                }
                if self.files.len() > FILES_MAX {
                    let text = format!("over {FILES_MAX} files match: pack them into one");
                    return Err(io::Error::other(text));
                }
            }
        }
        Ok(())
    }

    fn found(&mut self, path: &Path) {
        match path.to_str() {
            Some(path) => drop(self.files.insert(path.to_owned())),
            None => self.problems.push(format!("the name of `{}` is not UTF-8", path.display())),
        }
    }
}

/// The directories before the first star.
fn fixed_part(glob: &str) -> PathBuf {
    let parts: Vec<&str> = glob.split('/').collect();
    let dirs = &parts[..parts.len() - 1];
    dirs.iter().take_while(|part| !part.contains(['*', '?', '[', '{'])).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn place() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in ["a.txt", "out/b.txt", "out/deep/c.txt", "out/deep/d.log"] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        symlink("/etc", dir.path().join("etc")).unwrap();
        symlink("out", dir.path().join("inside")).unwrap();
        dir
    }

    #[test]
    fn globs_mean_what_people_expect() {
        let dir = place();
        let check = |glob: &str, expected: &[&str]| {
            let selection = select(dir.path(), &[glob.to_owned()]).unwrap();
            let files: Vec<&str> = selection.files.iter().map(String::as_str).collect();
            assert_eq!(files, expected, "{glob}");
            assert_eq!(selection.problems.is_empty(), !expected.is_empty(), "{glob}");
        };
        check("a.txt", &["a.txt"]);
        check("./a.txt", &["a.txt"]);
        check("out/*.txt", &["out/b.txt"]);
        check("out/**/*.txt", &["out/b.txt", "out/deep/c.txt"]);
        check("out", &["out/b.txt", "out/deep/c.txt", "out/deep/d.log"]);
        check("out/deep/", &["out/deep/c.txt", "out/deep/d.log"]);
        check("inside/b.txt", &["inside/b.txt"]);
        check("nothing", &[]);
        check("nothing/*", &[]);
        check("[", &[]);
        check("", &["a.txt", "etc", "inside", "out/b.txt", "out/deep/c.txt", "out/deep/d.log"]);
    }

    #[test]
    fn no_way_leads_out() {
        let dir = place();
        for glob in ["../*", "/etc/passwd", "etc/passwd", "etc/*", "out/../../x"] {
            let selection = select(dir.path(), &[glob.to_owned()]).unwrap();
            assert!(selection.files.is_empty(), "{glob}");
            assert_eq!(selection.problems.len(), 1, "{glob}");
        }
    }
}
