//! What happened in a run: a fingerprint always, the words on demand.

/// The trace of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    hash: u64,
    keep: bool,
    lines: Vec<String>,
}

impl Trace {
    /// A trace that keeps its words, or only their fingerprint.
    pub(crate) fn new(keep: bool) -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, keep, lines: Vec::new() }
    }

    /// Something happened at this time.
    pub(crate) fn note(&mut self, now_ms: u64, what: impl FnOnce() -> String) {
        let line = format!("{:>10.3} s  {}", now_ms as f64 / 1000.0, what());
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        if self.keep {
            self.lines.push(line);
        }
    }

    /// The fingerprint of all that happened.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The words.
    pub(crate) fn lines(self) -> Vec<String> {
        self.lines
    }
}
