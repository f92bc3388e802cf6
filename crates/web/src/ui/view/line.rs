//! A build as one line of a list, and as one tick of a strip.

use std::collections::BTreeMap;

use serde::Serialize;
use steading_core::words::{Duration, Micros, Outcome};
use steading_wire::render;

use super::code::{self, Code, Subjects};
use super::mark::{self, Mark};
use super::row::Row;
use super::when::{Lasts, When, ago, lasts, roughly};
use super::words::first_line;

/// How many characters of a reason a line shows.
const REASON_CHARS_MAX: usize = 140;

/// A build in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BuildLine {
    /// Its id.
    pub(crate) id: i64,
    /// Its builder.
    pub(crate) builder: String,
    /// Its number within the builder.
    pub(crate) number: i64,
    /// How it stands.
    pub(crate) mark: Mark,
    /// Which code.
    pub(crate) code: Option<Code>,
    /// Why it exists.
    pub(crate) reason: String,
    /// Where it runs or ran.
    pub(crate) worker: String,
    /// The step it is at.
    pub(crate) step: String,
    /// When it started.
    pub(crate) started: Option<When>,
    /// How long it took so far.
    pub(crate) lasts: Option<Lasts>,
    /// Why it is not green.
    pub(crate) why: String,
}

/// A build as a tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Tick {
    /// Its builder.
    pub(crate) builder: String,
    /// Its number.
    pub(crate) number: i64,
    /// The colour class.
    pub(crate) look: &'static str,
    /// What it was, in words.
    pub(crate) title: String,
}

/// Progress against the usual time, in thousandths of a bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    /// How far it is.
    pub(crate) done: i64,
    /// Where it usually ends.
    pub(crate) usual: i64,
    /// `about 0:50 left`, `7 min over usual`.
    pub(crate) text: String,
    /// Whether it takes longer than usual.
    pub(crate) over: bool,
    /// When it began, for a page that goes on counting.
    pub(crate) since: String,
    /// The usual time in milliseconds.
    pub(crate) usual_ms: i64,
}

/// A build as a line.
pub(crate) fn line(build: &Row, subjects: &Subjects, now: Micros) -> BuildLine {
    let started = build.time("started_at");
    let why = build.outcome().filter(|o| *o != Outcome::Success).and(build.reason());
    BuildLine {
        id: build.int("id"),
        builder: build.text("builder").to_owned(),
        number: build.int("number"),
        mark: mark::of_row(build),
        code: code::of_row(build, subjects),
        reason: first_line(build.text("reason"), REASON_CHARS_MAX),
        worker: build.text("worker").to_owned(),
        step: build.text("step").to_owned(),
        started: started.map(|at| ago(at, now)),
        lasts: started.map(|at| lasts(at, build.time("finished_at"), now)),
        why: why.map(|r| first_line(&r.text, REASON_CHARS_MAX)).unwrap_or_default(),
    }
}

/// Builds newest first, as ticks oldest first.
pub(crate) fn strip<'a>(newest_first: impl Iterator<Item = &'a Row>, most: usize) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = newest_first.take(most).map(tick).collect();
    ticks.reverse();
    ticks
}

fn tick(build: &Row) -> Tick {
    let mark = mark::of_row(build);
    Tick {
        builder: build.text("builder").to_owned(),
        number: build.int("number"),
        look: mark.look,
        title: format!("#{} {}", build.int("number"), mark.word),
    }
}

/// How far a running build is, if earlier ones say how long it usually takes.
pub(crate) fn progress(build: &Row, usual: Option<Duration>, now: Micros) -> Option<Progress> {
    let usual = usual.filter(|u| u.0 > 0)?;
    let started = build.time("started_at")?;
    let elapsed = now.since(started);
    let whole = (usual.0 * 5 / 4).max(elapsed.0 * 21 / 20).max(1);
    let over = elapsed > usual;
    let text = if over {
        format!("{} over usual", roughly(Duration(elapsed.0 - usual.0)))
    } else {
        format!("about {} left", roughly(Duration(usual.0 - elapsed.0)))
    };
    Some(Progress {
        done: elapsed.0 * 1000 / whole,
        usual: usual.0 * 1000 / whole,
        text,
        over,
        since: render::time(started),
        usual_ms: usual.0,
    })
}

/// Builds of each builder, newest first, from builds newest first.
pub(crate) fn by_builder(builds: &[Row]) -> BTreeMap<&str, Vec<&Row>> {
    let mut by: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for build in builds {
        by.entry(build.text("builder")).or_default().push(build);
    }
    by
}

/// A build's verdict on its code, if it is one: not running, not cancelled, not to be retried.
pub(crate) fn verdict(build: &Row) -> Option<Outcome> {
    build.outcome().filter(|o| !matches!(o, Outcome::Retry | Outcome::Cancelled | Outcome::Skipped))
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;

    use super::*;

    #[test]
    fn progress_is_measured_against_the_usual_time() {
        let build = Row::from_iter([("started_at", Cell::Int(0))]);
        let at = |s: i64| {
            let p = progress(&build, Some(Duration::seconds(100)), Micros(s * 1_000_000));
            p.map(|p| (p.done, p.usual, p.text))
        };
        assert_eq!(at(25), Some((200, 800, "about 1 min left".to_owned())));
        assert_eq!(at(200), Some((952, 476, "1 min over usual".to_owned())));
        assert_eq!(progress(&build, None, Micros(1)), None);
    }
}
