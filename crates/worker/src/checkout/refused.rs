//! What a source may not be called: names git would take for an option or refuse anyway.

use super::Source;

/// Why a source cannot exist, if so.
pub(crate) fn refused(source: &Source) -> Option<String> {
    let Source { url, branch, revision, .. } = source;
    if !is_full(revision) {
        return Some(format!("`{revision}` is no full revision (40 or 64 hexadecimal digits)"));
    }
    if !branch.is_empty() && !is_branch(branch) {
        return Some(format!("`{branch}` is no name of a branch"));
    }
    (url.is_empty() || url.starts_with('-')).then(|| format!("`{url}` is no repository"))
}

fn is_full(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The rules of `git check-ref-format` that matter before a name is part of a command line.
fn is_branch(name: &str) -> bool {
    let bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
        && !["..", "@{", "//", "/."].iter().any(|part| name.contains(part))
        && !name.split('/').any(|part| part.ends_with(".lock"))
        && !name.contains(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_would_misread_are_refused() {
        let check = |branch: &str, expected: bool| {
            let source = Source {
                url: "/repo".into(),
                branch: branch.into(),
                revision: "a".repeat(40),
                submodules: false,
            };
            assert_eq!(refused(&source).is_none(), expected, "{branch}");
        };
        check("main", true);
        check("release/2.4", true);
        check("grün", true);
        check("", true);
        check("--upload-pack=x", false);
        check("a..b", false);
        check("a b", false);
        check("a:b", false);
        check("/a", false);
        check("a/.b", false);
        check("x.lock", false);
    }

    #[test]
    fn a_revision_is_full() {
        assert!(is_full(&"0f".repeat(20)));
        assert!(!is_full("0f0f"));
        assert!(!is_full("HEAD"));
        assert!(!is_full(&"xy".repeat(20)));
    }
}
