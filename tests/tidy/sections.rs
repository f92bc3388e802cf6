//! The list of write sections is the code's.

use std::collections::BTreeSet;

use steading_master::SECTIONS;

use crate::report;
use crate::sources::sources;

/// The literal that follows each `.write(`: the name of a section has a dot.
fn written(text: &str) -> impl Iterator<Item = &str> {
    text.split(".write(").skip(1).filter_map(|rest| {
        let (name, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        name.contains('.').then_some(name)
    })
}

#[test]
fn every_write_section_is_in_the_list_and_in_the_code() {
    let sources = sources();
    let rooms = |path: &str| path.starts_with("crates/master/") || path.starts_with("crates/web/");
    let code = sources.iter().filter(|s| rooms(&s.path) && !s.is_test());
    let found: BTreeSet<&str> = code.flat_map(|source| written(&source.text)).collect();
    let listed: BTreeSet<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
    let missing = found.difference(&listed).map(|name| format!("{name} is not in the list"));
    let gone = listed.difference(&found).map(|name| format!("{name} is not in the code"));
    let findings: Vec<String> = missing.chain(gone).collect();
    report("crates/master/src/sections.rs lists every write section", &findings);
}
