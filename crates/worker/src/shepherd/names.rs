//! The name of a step's file is put on disk while the step runs, in a thread of its own: it must be
//! there before anybody is told how the step ended, and takes as long as a short step.

use std::io;
use std::path::{Path, PathBuf};

use super::aside::{self, Aside};
use crate::home::sync_names;

/// Syncs the names in one directory at a time.
#[derive(Default)]
pub(super) struct Names {
    syncer: Option<Aside<PathBuf, io::Result<()>>>,
    /// A directory that is being synced.
    begun: bool,
}

impl Names {
    /// Begins with the names that stand in a directory now.
    pub(super) fn begin(&mut self, dir: &Path) {
        let start = || aside::start("names", |dir: PathBuf| sync_names(&dir));
        let (asks, _) = self.syncer.get_or_insert_with(start);
        self.begun = asks.send(dir.to_owned()).is_ok();
    }

    /// Waits until the names that stood there when it was begun are on disk.
    ///
    /// # Errors
    /// When the disk cannot take them.
    pub(super) fn finish(&mut self, dir: &Path) -> io::Result<()> {
        let begun = std::mem::take(&mut self.begun);
        let answer = self.syncer.as_ref().filter(|_| begun).and_then(|(_, done)| done.recv().ok());
        // Without a thread it is done now.
        answer.unwrap_or_else(|| sync_names(dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_directory_has_its_own_answer() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let mut names = Names::default();
        for _ in 0..2 {
            names.begin(dir.path());
            assert!(names.finish(dir.path()).is_ok());
            names.begin(&missing);
            assert_eq!(names.finish(&missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        // What was not begun is done at the end.
        assert!(names.finish(dir.path()).is_ok());
        assert!(names.finish(&missing).is_err());
    }
}
