//! The log of a step: stdout and stderr as one text in the order of their times, stderr marked.

use serde::Serialize;
use steading_core::words::{Duration, Micros};
use steading_wire::{render, rest::Line};

use super::ansi::{self, Span, Style};

/// Lines of one stream, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// True for stderr.
    pub(crate) err: bool,
    /// Some of its lines, without a gap.
    pub(crate) lines: Vec<Line>,
    /// How many lines come before these.
    pub(crate) before: i64,
    /// How many lines it has in all.
    pub(crate) total: i64,
}

/// A line as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    /// Its number in the merged text, from 1.
    pub(crate) number: i64,
    /// Since the step began: `+41.02 s`.
    pub(crate) at: String,
    /// Whether it came on stderr.
    pub(crate) err: bool,
    /// Its text.
    pub(crate) spans: Vec<Span>,
    /// Whether only its beginning is shown.
    pub(crate) cut: bool,
}

/// A part of a step's merged log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LogView {
    /// The lines.
    pub(crate) lines: Vec<Shown>,
    /// How many lines come before them.
    pub(crate) before: i64,
    /// How many come after them.
    pub(crate) after: i64,
    /// The next line of stdout and of stderr, from 1: where the next part begins.
    pub(crate) next: (i64, i64),
}

/// Merges the first `most` lines the streams hold.
pub(crate) fn head(streams: [Stream; 2], start: Option<Micros>, most: usize) -> LogView {
    let totals: i64 = streams.iter().map(|s| s.total).sum();
    let befores = streams.each_ref().map(|s| s.before);
    let taken: Vec<_> = merged(streams).into_iter().take(most).collect();
    view(taken, befores, totals, start)
}

/// Merges the last `most` lines; the streams must hold at least so many of their ends.
pub(crate) fn tail(streams: [Stream; 2], start: Option<Micros>, most: usize) -> LogView {
    let totals: i64 = streams.iter().map(|s| s.total).sum();
    let mut befores = streams.each_ref().map(|s| s.before);
    let mut all = merged(streams);
    let kept = all.split_off(all.len().saturating_sub(most));
    for (_, stream, _) in all {
        befores[stream] += 1;
    }
    view(kept, befores, totals, start)
}

type Timed = (Option<Micros>, usize, Line);

/// Both streams by time; each keeps its own order, and at the same time stdout goes first.
fn merged(streams: [Stream; 2]) -> Vec<Timed> {
    let [one, two] = streams.map(|s| {
        let stream = usize::from(s.err);
        let timed = s.lines.into_iter().map(move |l| (render::parse_time(&l.at), stream, l));
        timed.collect::<Vec<Timed>>().into_iter().peekable()
    });
    let (mut one, mut two) = (one, two);
    let mut all = Vec::new();
    loop {
        let first = match (one.peek(), two.peek()) {
            (Some(a), Some(b)) => (a.0, a.1) <= (b.0, b.1),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return all,
        };
        all.extend(if first { one.next() } else { two.next() });
    }
}

fn view(lines: Vec<Timed>, befores: [i64; 2], totals: i64, start: Option<Micros>) -> LogView {
    let before: i64 = befores.iter().sum();
    let start = start.or_else(|| lines.first().and_then(|l| l.0));
    let mut styles = [Style::default(); 2];
    let mut next = befores;
    let mut shown = Vec::with_capacity(lines.len());
    for (number, (at, stream, line)) in (before + 1..).zip(lines) {
        next[stream] = line.number;
        shown.push(Shown {
            number,
            at: at.zip(start).map(|(at, start)| since(at.since(start))).unwrap_or_default(),
            err: stream == 1,
            spans: ansi::paint(&line.text, &mut styles[stream]),
            cut: line.cut,
        });
    }
    let held = i64::try_from(shown.len()).unwrap_or(i64::MAX);
    let after = (totals - before - held).max(0);
    LogView { lines: shown, before, after, next: (next[0] + 1, next[1] + 1) }
}

/// `+0.31 s`, `+41.02 s`, `+3:07`, `+1:02:03`.
fn since(span: Duration) -> String {
    match span.0 {
        ms if ms < 60_000 => format!("+{}.{:02} s", ms / 1000, (ms % 1000) / 10),
        _ => format!("+{span}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(err: bool, before: i64, total: i64, lines: &[(i64, &str)]) -> Stream {
        let line = |(i, (ms, text)): (usize, &(i64, &str))| Line {
            number: before + 1 + i64::try_from(i).expect("small"),
            at: render::time(Micros(ms * 1000)),
            text: (*text).to_owned(),
            cut: false,
        };
        let lines = lines.iter().enumerate().map(line).collect();
        Stream { err, lines, before, total }
    }

    fn texts(view: &LogView) -> Vec<String> {
        let text = |l: &Shown| {
            let text: String = l.spans.iter().map(|s| s.text.as_str()).collect();
            format!("{}{} {} {text}", l.number, if l.err { "!" } else { "" }, l.at)
        };
        view.lines.iter().map(text).collect()
    }

    #[test]
    fn streams_merge_by_time_and_stdout_goes_first() {
        let out = stream(false, 0, 3, &[(10, "a"), (30, "c"), (30, "d")]);
        let err = stream(true, 0, 2, &[(20, "b"), (30, "e")]);
        let view = head([out, err], Some(Micros(0)), 100);
        assert_eq!(
            texts(&view),
            ["1 +0.01 s a", "2! +0.02 s b", "3 +0.03 s c", "4 +0.03 s d", "5! +0.03 s e"]
        );
        assert_eq!((view.before, view.after, view.next), (0, 0, (4, 3)));
    }

    #[test]
    fn numbers_at_the_end_count_all_that_came_before() {
        let out = stream(false, 98, 100, &[(70_000, "y"), (90_000, "z")]);
        let err = stream(true, 0, 1, &[(80_000, "oh")]);
        let view = tail([out, err], Some(Micros(0)), 2);
        assert_eq!(texts(&view), ["100! +1:20 oh", "101 +1:30 z"]);
        assert_eq!((view.before, view.after, view.next), (99, 0, (101, 2)));
    }

    #[test]
    fn parts_follow_each_other_without_gap_or_repeat() {
        let out = stream(false, 0, 2, &[(10, "a"), (30, "c")]);
        let err = stream(true, 0, 1, &[(20, "b")]);
        let view = head([out, err], Some(Micros(0)), 2);
        assert_eq!(texts(&view), ["1 +0.01 s a", "2! +0.02 s b"]);
        assert_eq!((view.after, view.next), (1, (2, 2)));
        let rest = head([stream(false, 1, 2, &[(30, "c")]), stream(true, 1, 1, &[])], None, 9);
        assert_eq!((rest.lines[0].number, rest.after), (3, 0));
    }
}
