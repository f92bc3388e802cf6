//! What git says of one revision.

use steading_core::words::Micros;

/// One revision, as git tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// `Name <mail>`.
    pub author: String,
    /// The whole message.
    pub message: String,
    /// Paths against its first parent.
    pub files: Vec<String>,
    /// The committer's time.
    pub committed_at: Micros,
}

/// Reads author, time and message, separated by NUL.
pub(super) fn parse(said: &str, files: Vec<String>) -> Commit {
    let mut parts = said.splitn(3, '\0');
    let author = parts.next().unwrap_or_default().to_owned();
    let seconds: i64 = parts.next().and_then(|s| s.parse().ok()).unwrap_or(0);
    let message = parts.next().unwrap_or_default().trim_end().to_owned();
    Commit { author, message, files, committed_at: Micros(seconds.saturating_mul(1_000_000)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_hold_anything_but_nul() {
        let commit = parse("A <a@x>\x0012\x00Subject\n\nBody\twith tabs\n\n", vec!["f".into()]);
        assert_eq!(commit.author, "A <a@x>");
        assert_eq!(commit.committed_at, Micros(12_000_000));
        assert_eq!(commit.message, "Subject\n\nBody\twith tabs");
    }
}
