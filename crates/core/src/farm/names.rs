//! Globs over names: workers, builders, branches, files.

/// Whether a name matches a glob: `*` within one segment, `**` across `/`, `?`, `[ab]`, `{a,b}`.
/// An invalid glob matches nothing; configuration refuses it before it gets here.
#[must_use]
pub fn matches_glob(glob: &str, name: &str) -> bool {
    // Most are plain names; building a matcher for one costs a thousand times a comparison.
    if !glob.contains(['*', '?', '[', ']', '{', '}', '\\']) {
        return glob == name;
    }
    globset::GlobBuilder::new(glob)
        .literal_separator(true)
        .build()
        .is_ok_and(|g| g.compile_matcher().is_match(name))
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
