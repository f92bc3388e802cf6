//! Globs over names: workers, builders, branches, files.

/// Whether a name matches a glob: `*` within one segment, `**` across `/`, `?`, `[ab]`, `{a,b}`.
/// An invalid glob matches nothing; configuration refuses it before it gets here.
#[must_use]
pub fn matches_glob(glob: &str, name: &str) -> bool {
    // Most are plain names; building a matcher for one costs a thousand times a comparison.
    if is_plain(glob) {
        return glob == name;
    }
    compiled(glob).is_some_and(|matcher| matcher.is_match(name))
}

/// Whether a glob names one thing: itself.
pub(crate) fn is_plain(glob: &str) -> bool {
    !glob.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// The matcher of a glob, for those who ask it about many names; `None` when it is invalid.
pub(crate) fn compiled(glob: &str) -> Option<globset::GlobMatcher> {
    let glob = globset::GlobBuilder::new(glob).literal_separator(true).build().ok()?;
    Some(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn stars_stay_within_a_segment() {
        let check = |glob, name, expected| {
            assert_eq!(matches_glob(glob, name), expected, "{glob} on {name}");
        };
        check("linux-*", "linux-7", true);
        check("src/**", "src/a/b.rs", true);
        check("src/*", "src/a/b.rs", false);
        check("release/*", "release/2.4", true);
        check("main", "maintenance", false);
        check("[", "[", false);
    }
}
