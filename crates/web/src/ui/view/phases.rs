//! The phases of a build, to scale: waiting, its steps, gathering.

use serde::Serialize;
use steading_core::words::{Duration, Micros};

use super::mark;
use super::row::Row;

/// The largest share of waiting, in thousandths: a night in the queue must not hide the build.
const WAIT_SHARE_MAX: i64 = 300;
/// About how much room a label takes on a desktop, in thousandths: its ends, and each letter.
const LABEL_ENDS: usize = 15;
const LABEL_LETTER: usize = 6;

/// A phase as drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Phase {
    /// Where it begins, in thousandths.
    pub(crate) x: i64,
    /// How wide it is, in thousandths.
    pub(crate) width: i64,
    /// The colour class.
    pub(crate) look: &'static str,
    /// What it is, with its time.
    pub(crate) title: String,
    /// Whether the title fits.
    pub(crate) labelled: bool,
    /// The step, if it is one.
    pub(crate) step: Option<i64>,
    /// Whether it is drawn shorter than it was.
    pub(crate) shortened: bool,
}

/// The phases of a build.
pub(crate) fn phases(
    build: &Row,
    steps: &[Row],
    submitted: Option<Micros>,
    now: Micros,
) -> Vec<Phase> {
    let mut spans: Vec<(String, &'static str, Option<i64>, i64)> = Vec::new();
    let started = build.time("started_at").unwrap_or(now);
    let ends = build.time("finished_at").unwrap_or(now);
    if let Some(submitted) = submitted {
        spans.push(("waited".to_owned(), "wait", None, started.since(submitted).0));
    }
    for step in steps {
        let Some(begun) = step.time("started_at") else { continue };
        let end = step.time("finished_at").unwrap_or(ends);
        let look = mark::of_row(step).look;
        spans.push((
            step.text("name").to_owned(),
            look,
            Some(step.int("number")),
            end.since(begun).0,
        ));
    }
    if let Some(over) = build.time("steps_ended_at") {
        spans.push(("gathering".to_owned(), "wait", None, ends.since(over).0));
    }
    to_scale(spans)
}

fn to_scale(spans: Vec<(String, &'static str, Option<i64>, i64)>) -> Vec<Phase> {
    let rest: i64 = spans.iter().filter(|s| s.0 != "waited" || s.2.is_some()).map(|s| s.3).sum();
    let cap = (rest * WAIT_SHARE_MAX / (1000 - WAIT_SHARE_MAX)).max(1);
    let drawn = |s: &(String, &str, Option<i64>, i64)| {
        if s.0 == "waited" && s.2.is_none() { s.3.min(cap) } else { s.3 }
    };
    let whole: i64 = spans.iter().map(drawn).sum::<i64>().max(1);
    // By running sums, so that rounding leaves no gap and the last phase ends at the end.
    let (mut sum, mut x) = (0, 0);
    let mut phases = Vec::new();
    for span in spans {
        sum += drawn(&span);
        let width = sum * 1000 / whole - x;
        if width == 0 {
            continue;
        }
        let shortened = drawn(&span) < span.3;
        let title = format!("{} {}", span.0, Duration::millis(span.3));
        let room = LABEL_ENDS + LABEL_LETTER * title.chars().count();
        let labelled = usize::try_from(width).is_ok_and(|width| width >= room);
        phases.push(Phase { x, width, look: span.1, title, labelled, step: span.2, shortened });
        x += width;
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_to_scale_but_a_long_wait_is_shortened() {
        let spans = vec![
            ("waited".to_owned(), "wait", None, 3_600_000),
            ("build".to_owned(), "ok", Some(1), 60_000),
            ("test".to_owned(), "bad", Some(2), 10_000),
            ("blink".to_owned(), "ok", Some(3), 1),
        ];
        let shown: Vec<_> = to_scale(spans)
            .into_iter()
            .map(|p| format!("{} {} {} {}", p.x, p.width, p.title, p.shortened))
            .collect();
        assert_eq!(
            shown,
            [
                "0 299 waited 1:00:00 true",
                "299 600 build 1:00 false",
                "899 100 test 10.0 s false",
                "999 1 blink 1 ms false"
            ]
        );
    }

    #[test]
    fn a_build_that_took_no_time_has_no_phases() {
        assert_eq!(to_scale(vec![("build".to_owned(), "ok", Some(1), 0)]), []);
    }
}
