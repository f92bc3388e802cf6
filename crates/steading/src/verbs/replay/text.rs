//! The replay for people: two columns of numbers, then the decisions that differ.

use std::collections::{BTreeMap, BTreeSet};

use steading_core::replay::{Busy, Fate, Never, Report, Waits};
use steading_core::words::{Duration, Micros};
use steading_wire::render::time;

use super::run::Tried;
use crate::output::{Colours, Grid, Slot};

/// Differing decisions shown; all of them are counted, and in `--json`.
const DECISIONS_SHOWN: usize = 20;
/// Requests that never started shown, of each policy.
const NEVER_SHOWN: usize = 10;

/// The whole report.
pub(super) fn text(tried: &Tried, colours: Colours) -> String {
    let parts = [
        head(tried),
        waits(tried, colours),
        workers(tried, colours),
        farm(tried, colours),
        starved(tried),
        faults(tried),
        decisions(tried, colours),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn head(tried: &Tried) -> String {
    let world = &tried.world;
    let requests = counted(world.arrivals.len(), "request");
    let mut text = format!("{requests} from {} to {}", second(world.since), second(world.until));
    if tried.learned > 0 {
        text.push_str(&format!("; {} learned, not recorded", counted(tried.learned, "duration")));
    }
    text
}

/// `2026-01-01 12:00:00 UTC`
fn second(at: Micros) -> String {
    let text = time(at);
    format!("{} UTC", text.get(..19).unwrap_or(&text).replace('T', " "))
}

fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// A number under the present policy and under the other.
fn both<T>(of: impl Fn(&Report) -> T, tried: &Tried) -> [T; 2] {
    [of(&tried.present), of(&tried.other)]
}

fn waits(tried: &Tried, colours: Colours) -> String {
    let heads = ["WAITS OF", "REQUESTS", "P50 PRESENT", "OTHER", "P95 PRESENT", "OTHER"];
    let heads: Vec<&str> = heads.into_iter().chain(["MAX PRESENT", "OTHER"]).collect();
    let mut grid = Grid::new(&heads, colours);
    let mut row = |name: String, [a, b]: [Waits; 2]| {
        let count = if a.count == b.count {
            a.count.to_string()
        } else {
            format!("{}/{}", a.count, b.count)
        };
        let pairs = [(a.p50, b.p50), (a.p95, b.p95), (a.max, b.max)];
        let cells = pairs.into_iter().flat_map(|(a, b)| [a, b]);
        let cells = cells.map(|wait| Slot::Number(wait.to_string()));
        grid.row([Slot::Text(name), Slot::Number(count)].into_iter().chain(cells).collect());
    };
    row("all".to_owned(), both(|report| report.all, tried));
    type Of = fn(&Report) -> &BTreeMap<String, Waits>;
    for (kind, of) in [("builder", (|r| &r.builders) as Of), ("project", |r| &r.projects)] {
        for name in names(of, tried) {
            let shown = if name.is_empty() { "(none)" } else { &name };
            let waits = both(|report| of(report).get(&name).copied().unwrap_or_default(), tried);
            row(format!("{kind} {shown}"), waits);
        }
    }
    grid.text()
}

fn names<T>(of: fn(&Report) -> &BTreeMap<String, T>, tried: &Tried) -> BTreeSet<String> {
    let [a, b] = [of(&tried.present), of(&tried.other)];
    a.keys().chain(b.keys()).cloned().collect()
}

fn workers(tried: &Tried, colours: Colours) -> String {
    let mut grid = Grid::new(&["WORKER", "BUSY PRESENT", "OTHER"], colours);
    for name in names(|report| &report.workers, tried) {
        let busy = |report: &Report| report.workers.get(&name).copied().unwrap_or_default();
        let [a, b] = both(busy, tried).map(|busy| Slot::Number(percent(busy)));
        grid.row(vec![Slot::Text(name.clone()), a, b]);
    }
    grid.text()
}

/// `12.5 %`; a worker that never took builds has no utilisation.
fn percent(busy: Busy) -> String {
    if busy.available == Duration(0) {
        return "–".to_owned();
    }
    format!("{}.{} %", busy.permille() / 10, busy.permille() % 10)
}

fn farm(tried: &Tried, colours: Colours) -> String {
    let mut grid = Grid::new(&["FARM", "PRESENT", "OTHER"], colours);
    let mut row = |name: &str, pair: [String; 2]| {
        let [a, b] = pair.map(Slot::Text);
        grid.row(vec![Slot::Text(name.to_owned()), a, b]);
    };
    row("makespan", both(|report| report.makespan.to_string(), tried));
    let longest = |report: &Report| match &report.longest {
        Some(w) => format!("{}, request {} ({})", w.waited, w.request, w.builder),
        None => "–".to_owned(),
    };
    row("longest wait", both(longest, tried));
    row("never started", both(|report| report.never.len().to_string(), tried));
    grid.text()
}

fn starved(tried: &Tried) -> String {
    let of = |(name, report): (&str, &Report)| {
        let shown = report.never.iter().take(NEVER_SHOWN);
        let line = |never: &Never| {
            let waiter = &never.waiter;
            let (request, builder) = (waiter.request, &waiter.builder);
            format!("never started, {name}: request {request} ({builder}): {}", never.why)
        };
        let mut lines: Vec<String> = shown.map(line).collect();
        let more = report.never.len().saturating_sub(NEVER_SHOWN);
        if more > 0 {
            lines.push(format!("never started, {name}: {more} more"));
        }
        lines
    };
    let lines = [("present", &tried.present), ("other", &tried.other)].into_iter().flat_map(of);
    lines.collect::<Vec<_>>().join("\n")
}

fn faults(tried: &Tried) -> String {
    let of = |(name, report): (&'static str, &Report)| {
        let faults = report.faults.clone().into_iter();
        faults.map(move |fault| {
            let what = format!("{name} policy: its {} failed", fault.function);
            format!("{what} on request {} and {}\n{}", fault.request, fault.worker, fault.message)
        })
    };
    let all = [("present", &tried.present), ("other", &tried.other)].into_iter().flat_map(of);
    all.collect::<Vec<_>>().join("\n\n")
}

fn decisions(tried: &Tried, colours: Colours) -> String {
    let all = &tried.difference.decisions;
    let count = match all.len() {
        0 => return "no decision differs".to_owned(),
        1 => "1 decision differs".to_owned(),
        n => format!("{n} decisions differ"),
    };
    let shown = match all.len() {
        n if n > DECISIONS_SHOWN => format!(", the first {DECISIONS_SHOWN}"),
        _ => String::new(),
    };
    let mut grid = Grid::new(&["REQUEST", "BUILDER", "PRESENT", "OTHER"], colours);
    for changed in all.iter().take(DECISIONS_SHOWN) {
        let [a, b] = [&changed.a, &changed.b].map(|fate| Slot::Text(said(fate, tried.world.since)));
        let request = Slot::Number(changed.request.to_string());
        grid.row(vec![request, Slot::Text(changed.builder.clone()), a, b]);
    }
    format!("{count}{shown} (where, and when from the beginning):\n{}", grid.text())
}

/// `barn 0:31.250`
fn said(fate: &Fate, since: Micros) -> String {
    match fate {
        Fate::Started { worker, at } => format!("{worker} {}", exactly(at.since(since))),
        Fate::Folded { into } => format!("folded into request {into}"),
        Fate::Withdrawn { at } => format!("taken back {}", exactly(at.since(since))),
        Fate::Never => "never started".to_owned(),
    }
}

/// Down to the millisecond: what differs shall also look different.
fn exactly(span: Duration) -> String {
    let (seconds, ms) = (span.0 / 1000, span.0 % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{ms:03}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}.{ms:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_exactly() {
        let check = |ms: i64, expected: &str| assert_eq!(exactly(Duration(ms)), expected);
        check(7, "0:00.007");
        check(61_250, "1:01.250");
        check(86_400_000 + 3_723_004, "25:02:03.004");
    }

    #[test]
    fn a_worker_that_never_took_builds_has_no_utilisation() {
        let check = |busy, available, expected: &str| {
            let busy = Busy { busy: Duration(busy), available: Duration(available) };
            assert_eq!(percent(busy), expected);
        };
        check(0, 0, "–");
        check(0, 10, "0.0 %");
        check(2, 3, "66.6 %");
    }
}
