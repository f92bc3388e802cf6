//! The farms of `examples/` are farms, without a warning.

use std::path::Path;

use steading_config::load;

#[test]
fn every_example_is_a_farm() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for example in std::fs::read_dir(&examples).expect("the examples") {
        let folder = example.expect("an example").path();
        if folder.join("farm.star").exists() {
            let loaded = load(&folder).unwrap_or_else(|e| panic!("{}\n{e}", folder.display()));
            let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
            assert!(warnings.is_empty(), "{}\n{}", folder.display(), warnings.join("\n"));
            assert!(!loaded.farm.builders.is_empty(), "{}", folder.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "no example in {}", examples.display());
}
