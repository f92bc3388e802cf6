//! What this process is measured with.

use std::time::Duration;

/// The time now, for spans.
#[expect(clippy::disallowed_methods, reason = "there is no runtime here whose clock could be set")]
pub(crate) fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

/// Memory in use now, in megabytes; 0 where the system does not say.
pub(crate) fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

/// How often this thread was given the processor: events within one such turn were not interrupted.
#[derive(Debug)]
pub(crate) struct Turns(Option<std::fs::File>);

impl Turns {
    pub(crate) fn new() -> Turns {
        Turns(std::fs::File::open("/proc/thread-self/schedstat").ok())
    }

    /// The number of turns so far; 0 where the system does not say.
    pub(crate) fn count(&self) -> u64 {
        use std::os::unix::fs::FileExt;
        let mut text = [0; 96];
        let read = self.0.as_ref().and_then(|file| file.read_at(&mut text, 0).ok());
        let text = std::str::from_utf8(&text[..read.unwrap_or(0)]).unwrap_or_default();
        text.split_whitespace().nth(2).and_then(|turns| turns.parse().ok()).unwrap_or(0)
    }
}

/// All spans of a run: exact percentiles, as there is room for each.
#[derive(Debug, Default)]
pub(crate) struct Spans(Vec<u64>);

impl Spans {
    pub(crate) fn add(&mut self, span: Duration) {
        self.0.push(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Takes over what others measured.
    pub(crate) fn extend(&mut self, others: &Spans) {
        self.0.extend(&others.0);
    }

    /// Microseconds that this share of the spans, in thousandths, stay within.
    pub(crate) fn micros(&mut self, thousandths: usize) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let at = (self.0.len() * thousandths / 1_000).min(last);
        self.0.get(at).copied().map_or(0.0, |nanos| Duration::from_nanos(nanos).as_secs_f64() * 1e6)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        let sum: u64 = self.0.iter().sum();
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        f64::from(count) / Duration::from_nanos(sum.max(1)).as_secs_f64()
    }
}
