//! What can be told about two globs without a name at hand.

use steading_core::farm::matches_glob;

const META: [char; 6] = ['*', '?', '[', ']', '{', '}'];

/// Whether a name could match both. Errs towards yes: only what can never meet is a finding.
pub(crate) fn may_meet(a: &str, b: &str) -> bool {
    match (a.contains(META), b.contains(META)) {
        (false, false) => a == b,
        (true, false) => matches_glob(a, b),
        (false, true) => matches_glob(b, a),
        (true, true) => {
            let literal = |glob: &str| glob.find(META).map(|at| glob[..at].to_owned());
            let (a, b) = (literal(a).unwrap_or_default(), literal(b).unwrap_or_default());
            a.starts_with(&b) || b.starts_with(&a)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::may_meet;

    #[test]
    fn globs_meet_unless_they_cannot() {
        let check = |a, b, expected| {
            assert_eq!(may_meet(a, b), expected, "{a} and {b}");
            assert_eq!(may_meet(b, a), expected, "{b} and {a}");
        };
        check("main", "main", true);
        check("main", "m*", true);
        check("release/*", "main", false);
        check("linux-*", "linux-7*", true);
        check("linux-*", "mac-*", false);
        check("*", "mac-*", true);
    }
}
