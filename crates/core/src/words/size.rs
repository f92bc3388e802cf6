//! Sizes as people write them.

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no size: write a whole number and a unit, one of B, KiB, MiB, GiB, as in \"64MiB\""
)]
pub struct ParseSizeError(pub String);

/// Reads a size in bytes: a whole number above zero with a unit.
///
/// # Errors
/// When it is anything else, or too large.
pub fn parse_size(text: &str) -> Result<i64, ParseSizeError> {
    const UNITS: [(&str, i64); 4] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let unit = UNITS.iter().find_map(|(word, size)| Some((text.strip_suffix(word)?, *size)));
    let size = unit.and_then(|(number, size)| number.trim().parse::<i64>().ok()?.checked_mul(size));
    size.filter(|size| *size > 0).ok_or_else(|| ParseSizeError(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(parse_size(text).ok(), expected, "{text}");
        };
        check("64MiB", Some(64 << 20));
        check("1 GiB", Some(1 << 30));
        check("7KiB", Some(7168));
        check("7B", Some(7));
        check("7", None);
        check("0B", None);
        check("-1MiB", None);
        check("9999999999999GiB", None);
        check("GiB", None);
    }
}
