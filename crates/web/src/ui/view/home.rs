//! The first page: is the farm green, and does it keep up?

use std::collections::BTreeMap;

use serde::Serialize;
use steading_core::words::{Duration, Micros, Outcome};

use super::code::{self, Subjects};
use super::frame::Surround;
use super::line::{BuildLine, Progress, Tick, by_builder, line, progress, strip, verdict};
use super::mark::{self, Mark};
use super::row::Row;
use super::when::{When, ago, roughly};
use super::words::{count, sentence};

/// How many recent builds the page lists.
const RECENT_MAX: usize = 15;
/// How many builds a strip shows.
pub(crate) const STRIP_MAX: usize = 12;
/// A request that waits longer than this means the farm does not keep up.
const KEEPS_UP: Duration = Duration::seconds(300);

/// What is known for the page.
#[derive(Debug, Clone, Default)]
pub(crate) struct HomeFacts {
    /// What surrounds it.
    pub(crate) surround: Surround,
    /// The builders the configuration declares.
    pub(crate) builders: Vec<Row>,
    /// Builds that run, oldest first.
    pub(crate) live: Vec<Row>,
    /// Builds, newest first.
    pub(crate) recent: Vec<Row>,
    /// The usual time of the builders that build.
    pub(crate) usual: BTreeMap<String, Duration>,
    /// What authors said.
    pub(crate) subjects: Subjects,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Home {
    /// The answer.
    pub(crate) headline: String,
    /// Whether nothing was ever built.
    pub(crate) empty: bool,
    /// A builder to propose to a newcomer.
    pub(crate) first_builder: String,
    /// The figures.
    pub(crate) figures: Vec<Figure>,
    /// Builders whose newest verdict is red, oldest trouble first.
    pub(crate) broken: Vec<Broken>,
    /// What runs.
    pub(crate) building: Vec<Building>,
    /// What ended lately.
    pub(crate) recent: Vec<BuildLine>,
}

/// A number with its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Figure {
    /// The number.
    pub(crate) value: String,
    /// What it counts.
    pub(crate) label: String,
    /// A colour class, or empty.
    pub(crate) look: &'static str,
    /// Where more is to be seen.
    pub(crate) href: &'static str,
}

/// A broken builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Broken {
    /// The builder.
    pub(crate) builder: String,
    /// Its newest verdict.
    pub(crate) mark: Mark,
    /// The first red build in a row, if it is among those looked at.
    pub(crate) since: Option<When>,
    /// How many in a row: `6 builds`.
    pub(crate) builds: String,
    /// The first red build.
    pub(crate) first: BuildLine,
    /// The newest one.
    pub(crate) newest: BuildLine,
    /// Its last builds.
    pub(crate) strip: Vec<Tick>,
}

/// A build that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Building {
    /// The build.
    pub(crate) line: BuildLine,
    /// Against its usual time.
    pub(crate) progress: Option<Progress>,
}

/// The first page's view.
pub(crate) fn home(facts: &HomeFacts) -> Home {
    let now = facts.surround.now;
    let broken = broken(facts);
    let building = |build: &Row| Building {
        line: line(build, &facts.subjects, now),
        progress: progress(build, facts.usual.get(build.text("builder")).copied(), now),
    };
    let ended = facts.recent.iter().filter(|b| b.outcome().is_some());
    let recent = ended.take(RECENT_MAX).map(|b| line(b, &facts.subjects, now));
    Home {
        headline: headline(facts, broken.len()),
        empty: facts.recent.is_empty() && facts.live.is_empty(),
        first_builder: facts
            .builders
            .first()
            .map(|b| b.text("name").to_owned())
            .unwrap_or_default(),
        figures: figures(facts, broken.len()),
        broken,
        building: facts.live.iter().map(building).collect(),
        recent: recent.collect(),
    }
}

fn broken(facts: &HomeFacts) -> Vec<Broken> {
    let by = by_builder(&facts.recent);
    let mut broken: Vec<(Micros, Broken)> = Vec::new();
    for builder in &facts.builders {
        let builds = by.get(builder.text("name")).map(Vec::as_slice).unwrap_or_default();
        broken.extend(broken_builder(
            builder.text("name"),
            builds,
            &facts.subjects,
            facts.surround.now,
        ));
    }
    broken.sort_by(|a, b| (a.0, &a.1.builder).cmp(&(b.0, &b.1.builder)));
    broken.into_iter().map(|(_, broken)| broken).collect()
}

fn broken_builder(
    name: &str,
    builds: &[&Row],
    subjects: &Subjects,
    now: Micros,
) -> Option<(Micros, Broken)> {
    let verdicts = builds.iter().filter_map(|b| verdict(b).map(|o| (*b, o)));
    let red: Vec<(&Row, Outcome)> = verdicts.clone().take_while(|(_, o)| !o.is_green()).collect();
    let ((newest, outcome), (first, _)) = (*red.first()?, *red.last()?);
    let since = first.time("finished_at").unwrap_or(now);
    let whole = verdicts.count() > red.len() || first.int("number") == 1;
    let more = if whole { "" } else { "more than " };
    let builds_text = match red.len() {
        1 if whole => "1 build".to_owned(),
        n => format!("{more}{n} builds"),
    };
    let broken = Broken {
        builder: name.to_owned(),
        mark: mark::of_outcome(outcome),
        since: Some(ago(since, now)),
        builds: builds_text,
        first: line(first, subjects, now),
        newest: line(newest, subjects, now),
        strip: strip(builds.iter().copied(), STRIP_MAX),
    };
    Some((since, broken))
}

fn headline(facts: &HomeFacts, broken: usize) -> String {
    let surround = &facts.surround;
    let connected = surround.workers.iter().any(|w| w.text("state") == "ready");
    let late = oldest_wait(surround).is_some_and(|wait| wait > KEEPS_UP);
    if facts.builders.is_empty() {
        return "No builder is declared yet – describe one in farm.star".to_owned();
    }
    let built = facts.recent.iter().any(|b| verdict(b).is_some());
    let state = match (broken, built, facts.live.is_empty()) {
        (0, false, true) => "Nothing has been built yet".to_owned(),
        (0, false, false) => "The first build is running".to_owned(),
        (0, true, _) => "Everything is green".to_owned(),
        (1, _, _) => "One builder is broken".to_owned(),
        (n, _, _) => {
            format!("{} are broken", sentence(&count(i64::try_from(n).unwrap_or(0), "builder")))
        }
    };
    match (connected, late, broken > 0, built) {
        (false, _, _, _) => format!("{state}, and no worker is connected"),
        (true, true, _, _) => format!("{state}, and requests wait longer than they should"),
        (true, false, true, _) => format!("{state}, the farm is keeping up"),
        (true, false, false, false) if facts.live.is_empty() && surround.pending.is_empty() => {
            format!("{state} – push a change, or force a builder")
        }
        _ => state,
    }
}

fn oldest_wait(surround: &Surround) -> Option<Duration> {
    let oldest = surround.pending.iter().filter_map(|r| r.time("submitted_at")).min()?;
    Some(surround.now.since(oldest))
}

fn figures(facts: &HomeFacts, broken: usize) -> Vec<Figure> {
    let surround = &facts.surround;
    let figure = |value: String, label: &str, look, href| Figure {
        value,
        label: label.to_owned(),
        look,
        href,
    };
    let on: std::collections::BTreeSet<&str> =
        facts.live.iter().map(|b| b.text("worker")).collect();
    let building = match on.len() {
        0 => "building".to_owned(),
        1 => "building on 1 worker".to_owned(),
        n => format!("building on {n} workers"),
    };
    let waiting = match oldest_wait(surround) {
        Some(wait) => format!("waiting, oldest {}", roughly(wait)),
        None => "waiting".to_owned(),
    };
    let mut figures = vec![
        figure(
            broken.to_string(),
            if broken == 1 { "builder broken" } else { "builders broken" },
            if broken > 0 { "bad" } else { "ok" },
            "/builders",
        ),
        figure(facts.live.len().to_string(), &building, "", "/workers"),
        figure(surround.waiting.to_string(), &waiting, "", "/queue"),
    ];
    let verdicts: Vec<Outcome> = facts.recent.iter().filter_map(verdict).collect();
    if !verdicts.is_empty() {
        let green = verdicts.iter().filter(|o| o.is_green()).count();
        let share = format!("{} %", green * 100 / verdicts.len());
        let label = match verdicts.len() {
            1 => "green, of 1 build".to_owned(),
            n => format!("green, of the last {n} builds"),
        };
        figures.push(figure(share, &label, "", "/builders"));
    }
    let ready = surround.workers.iter().filter(|w| w.text("state") == "ready").count();
    let workers = format!("{ready} of {}", surround.workers.len());
    let look = if ready == 0 { "bad" } else { "" };
    figures.push(figure(workers, "workers connected", look, "/workers"));
    figures
}

/// The subjects a page needs, from the changes read.
pub(crate) fn subjects_of(changes: &[Row]) -> Subjects {
    code::subjects(changes)
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;

    use super::*;

    const NOW: Micros = Micros(10_000_000_000);

    fn build(builder: &str, number: i64, outcome: Option<&str>) -> Row {
        Row::from_iter([
            ("builder", Cell::from(builder)),
            ("number", number.into()),
            ("worker", "barn".into()),
            ("state", if outcome.is_some() { "finished" } else { "running" }.into()),
            ("outcome", outcome.into()),
            ("started_at", Cell::Int(number * 1_000_000)),
            ("finished_at", outcome.map(|_| number * 2_000_000).into()),
        ])
    }

    fn farm(recent: Vec<Row>) -> HomeFacts {
        let named = |name: &str| Row::from_iter([("name", Cell::from(name))]);
        let ready = Row::from_iter([("state", Cell::from("ready"))]);
        HomeFacts {
            surround: Surround { now: NOW, workers: vec![ready], ..Surround::default() },
            builders: vec![named("hello"), named("docs")],
            live: recent.iter().filter(|b| b.outcome().is_none()).cloned().collect(),
            recent,
            ..HomeFacts::default()
        }
    }

    #[test]
    fn the_title_is_the_answer() {
        let check = |facts: HomeFacts, expected: &str| assert_eq!(home(&facts).headline, expected);
        check(farm(vec![]), "Nothing has been built yet – push a change, or force a builder");
        check(farm(vec![build("hello", 1, None)]), "The first build is running");
        check(farm(vec![build("hello", 1, Some("success"))]), "Everything is green");
        let red = vec![build("hello", 1, Some("failure"))];
        check(farm(red), "One builder is broken, the farm is keeping up");
        let two = vec![build("hello", 1, Some("failure")), build("docs", 1, Some("exception"))];
        check(farm(two.clone()), "Two builders are broken, the farm is keeping up");
        let mut alone = farm(two);
        alone.surround.workers.clear();
        check(alone, "Two builders are broken, and no worker is connected");
        let mut late = farm(vec![build("hello", 1, Some("success"))]);
        late.surround.pending = vec![Row::from_iter([("submitted_at", Cell::Int(0))])];
        check(late, "Everything is green, and requests wait longer than they should");
        check(HomeFacts::default(), "No builder is declared yet – describe one in farm.star");
    }

    #[test]
    fn a_cancelled_build_is_no_verdict_and_the_first_red_one_is_named() {
        let facts = farm(vec![
            build("hello", 5, None),
            build("hello", 4, Some("cancelled")),
            build("hello", 3, Some("failure")),
            build("hello", 2, Some("failure")),
            build("hello", 1, Some("success")),
        ]);
        let home = home(&facts);
        assert_eq!(home.broken.len(), 1);
        let broken = &home.broken[0];
        assert_eq!((broken.first.number, broken.newest.number), (2, 3));
        assert_eq!(broken.builds, "2 builds");
        let looks: Vec<_> = broken.strip.iter().map(|t| t.look).collect();
        assert_eq!(looks, ["ok", "bad", "bad", "wait", "run"]);
        assert_eq!(home.building.len(), 1);
        assert_eq!(home.recent.len(), 4);
    }
}
