//! The files a farm may load from Steading itself, as `@steading//NAME`.
//!
//! A configuration is stored with the texts of those it loads, like its own: a later version of
//! Steading may change them, and an old configuration still means what it meant.

/// What their names begin with.
pub(crate) const PREFIX: &str = "@steading//";

/// Texts by name.
const FILES: &[(&str, &str)] =
    &[("@steading//policies.star", include_str!("library/policies.star"))];

/// The names of all.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The text of one.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_policy() {
        let page = include_str!("../../../docs/policies.md");
        let library = text("@steading//policies.star").expect("the policies");
        let defs = library.lines().filter_map(|line| line.strip_prefix("def "));
        let names = defs.filter_map(|def| def.split_once('(')).map(|(name, _)| name);
        let names: Vec<&str> = names.filter(|name| !name.starts_with('_')).collect();
        assert_eq!(names, ["builder_first", "worker_first", "oldest_first", "fair_share"]);
        for name in names {
            let heading = format!("### `{name}(");
            assert!(page.contains(&heading), "docs/policies.md lacks {heading}…)`");
        }
    }
}
