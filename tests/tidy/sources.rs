//! The Rust files of the project.

use std::path::{Path, PathBuf};

/// A source file, relative to the project's root.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether the file is about tests alone.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.contains("/tests/")
            || self.path.starts_with("tests/")
            || self.path.contains("/examples/")
            || name == "tests.rs"
    }

    /// Whether it belongs to a room: `core`, `store/src/archive`, ….
    pub(crate) fn is_in(&self, room: &str) -> bool {
        self.path.starts_with(&format!("crates/{room}/"))
    }
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.ancestors().nth(2).expect("the crate lies in crates/steading").to_owned()
}

/// Every Rust file below `crates/`, `tests/`, `bench/` and `sim/`, in path order.
pub(crate) fn sources() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    for top in ["crates", "tests", "bench", "sim"] {
        collect(&root, &root.join(top), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            // Compile-fail cases are input of a test, not code of the project.
            if !path.ends_with("target") && !path.ends_with("compile_fail") {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            found.push(Source { path, text });
        }
    }
}
