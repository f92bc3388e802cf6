//! Numbers and lists the way people say them.

const SMALL: [&str; 13] = [
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
];

/// `no builders`, `one builder`, `14 builders`.
pub(crate) fn count(n: i64, singular: &str) -> String {
    let number = usize::try_from(n).ok().and_then(|n| SMALL.get(n).copied());
    let number = number.map_or_else(|| n.to_string(), str::to_owned);
    if n == 1 { format!("{number} {singular}") } else { format!("{number} {singular}s") }
}

/// With a capital first letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Bytes as `812 B`, `4.2 KiB`, `31 MiB`.
pub(crate) fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS[unit];
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// The first line, at most `most` characters of it.
pub(crate) fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or("").trim();
    if line.chars().count() <= most {
        return line.to_owned();
    }
    let mut cut: String = line.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_read_well() {
        assert_eq!(count(0, "builder"), "no builders");
        assert_eq!(sentence(&count(1, "builder")), "One builder");
        assert_eq!(count(14, "request"), "14 requests");
        let check = |bytes, expected: &str| assert_eq!(size(bytes), expected);
        check(812, "812 B");
        check(4_300, "4.1 KiB");
        check(31 << 20, "31 MiB");
        check(1 << 30, "1.0 GiB");
        assert_eq!(first_line("  Fix it\n\nmore", 40), "Fix it");
        assert_eq!(first_line("abcdef", 4), "abc…");
    }
}
