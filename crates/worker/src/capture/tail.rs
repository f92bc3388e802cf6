//! The last lines of a log, for the report: a failure shows its why at once.

/// How much of the end is kept, in bytes.
const TAIL_BYTES_MAX: usize = 4 << 10;

/// The end of what was written so far.
#[derive(Debug, Default)]
pub(crate) struct LastLines(Vec<u8>);

impl LastLines {
    /// Takes what was written.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let fresh = &bytes[bytes.len().saturating_sub(TAIL_BYTES_MAX)..];
        let keep = TAIL_BYTES_MAX - fresh.len();
        let drop = self.0.len().saturating_sub(keep);
        self.0.drain(..drop);
        self.0.extend_from_slice(fresh);
    }

    /// Whole lines where there are any, as text of at most 4 KiB.
    pub(crate) fn text(&self) -> String {
        let cut = self.0.len() >= TAIL_BYTES_MAX;
        let body = self.0.trim_ascii_end();
        let first = body.iter().position(|b| *b == b'\n').filter(|_| cut).map_or(0, |i| i + 1);
        let text = String::from_utf8_lossy(&body[first..]);
        let mut start = text.len().saturating_sub(TAIL_BYTES_MAX);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        text[start..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_begins_with_a_whole_line() {
        let check = |pieces: &[&[u8]], expected: &str| {
            let mut tail = LastLines::default();
            pieces.iter().for_each(|p| tail.push(p));
            assert_eq!(tail.text(), expected);
        };
        check(&[], "");
        check(&[b"one\ntwo\n"], "one\ntwo");
        check(&[b"o", b"ne"], "one");
        let long = [b"x".repeat(5000), b"\nlast\n".to_vec()].concat();
        check(&[&long], "last");
        check(&[&b"y".repeat(9000)], &"y".repeat(4096));
        check(&[b"a", &b"y".repeat(4095), b"z"], &("y".repeat(4095) + "z"));
    }

    #[test]
    fn noise_becomes_text_and_stays_bounded() {
        let mut tail = LastLines::default();
        tail.push(&[0xff; 4096]);
        assert!(tail.text().len() <= 4096);
        assert!(tail.text().starts_with('\u{fffd}'));
    }
}
