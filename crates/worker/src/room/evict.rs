//! Which directories go: those that nobody used for longest, never one that is in use.

use std::time::SystemTime;

/// A directory that takes room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// When a step was last begun in it.
    pub(super) used: SystemTime,
    pub(super) in_use: bool,
}

/// The bytes of them all.
pub(super) fn total(kept: &[Kept]) -> u64 {
    kept.iter().map(|one| one.bytes).fold(0, u64::saturating_add)
}

/// Those that must go, in this order, for the rest to fit: as few as that takes.
pub(super) fn evicted(kept: &[Kept], limit: u64) -> Vec<&Kept> {
    let mut oldest: Vec<&Kept> = kept.iter().filter(|one| !one.in_use).collect();
    oldest.sort_by(|a, b| (a.used, &a.name).cmp(&(b.used, &b.name)));
    let mut left = total(kept);
    let goes = |one: &&Kept| {
        let too_much = left > limit;
        left = left.saturating_sub(if too_much { one.bytes } else { 0 });
        too_much
    };
    oldest.into_iter().take_while(goes).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// `name:bytes:used`, with `!` for one in use.
    fn kept(text: &str) -> Vec<Kept> {
        let one = |word: &str| {
            let parts: Vec<&str> = word.trim_end_matches('!').split(':').collect();
            let number = |text: &str| text.parse::<u64>().expect("a number");
            Kept {
                name: parts[0].to_owned(),
                bytes: number(parts[1]),
                used: UNIX_EPOCH + Duration::from_secs(number(parts[2])),
                in_use: word.ends_with('!'),
            }
        };
        text.split_whitespace().map(one).collect()
    }

    #[test]
    fn the_longest_unused_go_first_and_none_in_use() {
        let check = |text: &str, limit: u64, expected: &str| {
            let kept = kept(text);
            let names: Vec<&str> =
                evicted(&kept, limit).iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{text} within {limit}");
        };
        check("", 0, "");
        check("a:10:1 b:10:2", 20, "");
        check("a:10:2 b:10:1", 19, "b");
        check("a:10:1 b:10:2 c:10:3", 10, "a b");
        check("a:10:1! b:10:2 c:10:3", 20, "b");
        check("a:10:1! b:10:2!", 5, "");
        check("a:0:1 b:10:2 c:10:3", 15, "a b");
        check("b:10:1 a:10:1", 10, "a");
        check("a:10:1", 0, "a");
    }
}
