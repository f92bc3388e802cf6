//! What the writer did so far, by section name.

use std::collections::BTreeMap;

/// What the writer did since the store was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// By section name.
    pub sections: BTreeMap<&'static str, SectionStats>,
    /// Commits: each covers a group of sections.
    pub commits: u64,
    /// The most sections one commit covered.
    pub group_max: usize,
}

/// What happened to the sections of one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SectionStats {
    /// Committed.
    pub committed: u64,
    /// Undone: an error, a panic or a failed commit.
    pub undone: u64,
    /// SQL statements they ran, rehearsals included; savepoints and commits not.
    pub statements: u64,
    /// Microseconds spent in them, rehearsals included, commits not.
    pub busy_us: u64,
}

impl Stats {
    /// Sections committed, whatever their name.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.sections.values().map(|s| s.committed).sum()
    }
}
