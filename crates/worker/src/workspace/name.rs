//! Names of workspaces: safe as a directory's name, different for different builders.

/// The longest part taken from a builder's name, in bytes.
const NAME_BYTES_MAX: usize = 80;

/// The name of the workspace of a builder on a slot.
pub(crate) fn name(builder: &str, slot: i64) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let safe: String =
        builder.chars().map(|c| if plain(c) { c } else { '_' }).take(NAME_BYTES_MAX).collect();
    if safe == builder && !safe.is_empty() && !safe.starts_with(['.', '-']) {
        return format!("{safe}-{slot}");
    }
    // What was changed could meet another builder's name; its hash cannot.
    let hash = blake3::hash(builder.as_bytes()).to_hex();
    let safe = safe.trim_start_matches(['.', '-']);
    format!("{safe}~{}-{slot}", &hash[..8])
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_safe_and_distinct() {
        let check = |builder: &str, expected: &str| assert_eq!(name(builder, 1), expected);
        check("hello-stable", "hello-stable-1");
        check("a.b_c", "a.b_c-1");
        check("../etc", "_etc~2c0722ec-1");
        check("", "~af1349b9-1");
        assert!(name("-rf", 1).starts_with("rf~"));
        assert!(name("a/b", 1).starts_with("a_b~"));
        assert_ne!(name("a/b", 1), name("a b", 1));
        assert_ne!(name("a", 1), name("a", 2));
        assert!(name(&"x".repeat(300), 1).len() < 120);
    }
}
