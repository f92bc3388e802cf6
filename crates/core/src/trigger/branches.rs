//! Which moves of a repository's branches are changes: the rules of identity.

use std::collections::BTreeMap;

use crate::farm::matches_glob;

/// More new commits than this on one branch become one change that lists them.
pub const COMMITS_MAX: usize = 100;

/// What happened to one watched branch between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchMove {
    /// It appeared.
    New {
        /// Its name.
        branch: String,
        /// Its head.
        head: String,
    },
    /// Its head is another.
    Moved {
        /// Its name.
        branch: String,
        /// The head of the last look.
        from: String,
        /// The head now.
        head: String,
    },
    /// It disappeared.
    Gone {
        /// Its name.
        branch: String,
    },
}

/// Compares two looks at a repository: watched branches only, in name order. Without globs the
/// default branch alone is watched.
#[must_use]
pub fn branch_moves(
    globs: &[String],
    default: Option<&str>,
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<BranchMove> {
    let watched = |branch: &str| match globs {
        [] => default == Some(branch),
        globs => globs.iter().any(|glob| matches_glob(glob, branch)),
    };
    let present =
        now.iter().filter(|(branch, _)| watched(branch)).filter_map(|(branch, head)| match before
            .get(branch)
        {
            None => Some(BranchMove::New { branch: branch.clone(), head: head.clone() }),
            Some(from) if from == head => None,
            Some(from) => Some(BranchMove::Moved {
                branch: branch.clone(),
                from: from.clone(),
                head: head.clone(),
            }),
        });
    let gone = before.keys().filter(|branch| !now.contains_key(*branch));
    present.chain(gone.map(|branch| BranchMove::Gone { branch: branch.clone() })).collect()
}

/// A change by its identity, before git was asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its revision.
    pub revision: String,
    /// The revisions it stands for, when many came at once.
    pub commits: Option<Vec<String>>,
}

/// The changes a branch's new head stands for. `between` holds the first-parent revisions after the
/// old head, oldest first; absent for a new or rewritten branch, which yields its head alone.
#[must_use]
pub fn identities(between: Option<Vec<String>>, head: &str) -> Vec<Identity> {
    let single = |revision: String| Identity { revision, commits: None };
    match between {
        None => vec![single(head.to_owned())],
        Some(commits) if commits.len() > COMMITS_MAX => {
            vec![Identity { revision: head.to_owned(), commits: Some(commits) }]
        }
        Some(commits) => commits.into_iter().map(single).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(b, r)| ((*b).to_owned(), (*r).to_owned())).collect()
    }

    #[test]
    fn only_watched_branches_move() {
        let before = heads(&[("main", "a"), ("old", "o")]);
        let now = heads(&[("main", "b"), ("release/1", "r"), ("topic", "t")]);
        let globs = ["main".to_owned(), "release/*".to_owned()];
        assert_eq!(
            branch_moves(&globs, Some("main"), &before, &now),
            [
                BranchMove::Moved { branch: "main".into(), from: "a".into(), head: "b".into() },
                BranchMove::New { branch: "release/1".into(), head: "r".into() },
                BranchMove::Gone { branch: "old".into() },
            ]
        );
    }

    #[test]
    fn without_globs_the_default_branch_is_watched() {
        let now = heads(&[("main", "b"), ("topic", "t")]);
        let moves = branch_moves(&[], Some("main"), &BTreeMap::new(), &now);
        assert_eq!(moves, [BranchMove::New { branch: "main".into(), head: "b".into() }]);
        assert_eq!(branch_moves(&[], None, &BTreeMap::new(), &now), []);
    }

    #[test]
    fn many_commits_are_one_change_that_lists_them() {
        let commits = |n: usize| Some((0..n).map(|i| i.to_string()).collect::<Vec<_>>());
        assert_eq!(identities(commits(100), "99").len(), 100);
        let one = identities(commits(101), "100");
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].commits.as_ref().map(Vec::len), Some(101));
        assert_eq!(identities(None, "h"), [Identity { revision: "h".into(), commits: None }]);
    }
}
