//! Builders: how each has been doing, what it does and what it needs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use steading_core::words::{Duration, HeldLock, Value};

use super::code::Subjects;
use super::form::ForceForm;
use super::frame::Surround;
use super::home::STRIP_MAX;
use super::line::{BuildLine, Tick, by_builder, line, strip, verdict};
use super::mark::{self, Mark, saying};
use super::row::Row;
use super::words::{count, sentence};

/// How many builds the strip of a builder's own page shows.
const OWN_STRIP_MAX: usize = 40;

/// All builders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Builders {
    /// The answer.
    pub(crate) headline: String,
    /// Each builder.
    pub(crate) items: Vec<BuilderLine>,
}

/// A builder in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BuilderLine {
    /// Its name.
    pub(crate) name: String,
    /// Its newest verdict.
    pub(crate) mark: Mark,
    /// Its newest build.
    pub(crate) newest: Option<BuildLine>,
    /// Its last builds.
    pub(crate) strip: Vec<Tick>,
    /// What it requires of workers.
    pub(crate) requires: Vec<String>,
    /// Whether it builds now.
    pub(crate) building: bool,
    /// Who paused it and why; empty when nobody did.
    pub(crate) paused: String,
}

/// One builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BuilderPage {
    /// Its name.
    pub(crate) name: String,
    /// The answer.
    pub(crate) headline: String,
    /// Whether the configuration still declares it.
    pub(crate) active: bool,
    /// Its newest verdict.
    pub(crate) mark: Mark,
    /// Its last builds.
    pub(crate) strip: Vec<Tick>,
    /// Its builds, newest first.
    pub(crate) builds: Vec<BuildLine>,
    /// The number below which older builds go on, if there are more.
    pub(crate) older: Option<i64>,
    /// The names of its steps.
    pub(crate) steps: Vec<String>,
    /// What it requires of workers.
    pub(crate) requires: Vec<String>,
    /// The locks its builds take.
    pub(crate) locks: Vec<String>,
    /// How long it usually takes.
    pub(crate) usual: Option<String>,
    /// How many of its requests wait.
    pub(crate) waiting: usize,
    /// Who paused it and why; empty when nobody did.
    pub(crate) paused: String,
    /// Its form.
    pub(crate) form: ForceForm,
}

/// The newest verdict of builds newest first; what runs if there is none yet.
fn standing(builds: &[&Row]) -> Mark {
    let verdict = builds.iter().find(|b| verdict(b).is_some());
    match (verdict, builds.first()) {
        (Some(build), _) => mark::of_row(build),
        (None, Some(build)) => mark::of_row(build),
        (None, None) => saying("wait", "dash", "never built"),
    }
}

/// The view of all builders, from builds newest first.
pub(crate) fn builders(
    surround: &Surround,
    builders: &[Row],
    recent: &[Row],
    subjects: &Subjects,
) -> Builders {
    let by = by_builder(recent);
    let item = |builder: &Row| {
        let builds = by.get(builder.text("name")).map(Vec::as_slice).unwrap_or_default();
        BuilderLine {
            name: builder.text("name").to_owned(),
            mark: standing(builds),
            newest: builds.first().map(|b| line(b, subjects, surround.now)),
            strip: strip(builds.iter().copied(), STRIP_MAX),
            requires: requires(builder),
            building: builds.iter().any(|b| b.outcome().is_none()),
            paused: builder.paused(),
        }
    };
    let items: Vec<BuilderLine> = builders.iter().map(item).collect();
    let red = items.iter().filter(|i| matches!(i.mark.look, "bad" | "odd")).count();
    let all = i64::try_from(items.len()).unwrap_or(0);
    let headline = match (all, red) {
        (0, _) => "No builder is declared yet – describe one in farm.star".to_owned(),
        (_, 0) => format!("{}, none of them broken", sentence(&count(all, "builder"))),
        (_, red) => format!("{} of {} broken", sentence(&digits(red)), count(all, "builder")),
    };
    Builders { headline, items }
}

fn digits(n: usize) -> String {
    count(i64::try_from(n).unwrap_or(0), "").trim_end_matches('s').trim().to_owned()
}

/// What is known of one builder.
#[derive(Debug, Clone)]
pub(crate) struct BuilderFacts {
    /// What surrounds the page.
    pub(crate) surround: Surround,
    /// The builder.
    pub(crate) builder: Row,
    /// A page of its builds, newest first.
    pub(crate) builds: Vec<Row>,
    /// Its newest builds, for strip and verdict.
    pub(crate) newest: Vec<Row>,
    /// Whether there are older ones.
    pub(crate) more: bool,
    /// How long it usually takes.
    pub(crate) usual: Option<Duration>,
    /// What authors said.
    pub(crate) subjects: Subjects,
}

/// The view of one builder.
pub(crate) fn builder(facts: &BuilderFacts, form: ForceForm) -> BuilderPage {
    let name = facts.builder.text("name");
    let newest: Vec<&Row> = facts.newest.iter().collect();
    let mark = standing(&newest);
    let now = facts.surround.now;
    let waiting = facts.surround.pending.iter().filter(|r| r.text("builder") == name).count();
    let builds: Vec<BuildLine> =
        facts.builds.iter().map(|b| line(b, &facts.subjects, now)).collect();
    BuilderPage {
        name: name.to_owned(),
        headline: headline(mark, &newest),
        active: facts.builder.flag("active"),
        mark,
        strip: strip(newest.iter().copied(), OWN_STRIP_MAX),
        older: if facts.more { builds.last().map(|b| b.number) } else { None },
        builds,
        steps: facts.builder.json("steps").unwrap_or_default(),
        requires: requires(&facts.builder),
        locks: locks(&facts.builder),
        usual: facts.usual.map(|u| u.to_string()),
        waiting,
        paused: facts.builder.paused(),
        form,
    }
}

fn headline(mark: Mark, newest: &[&Row]) -> String {
    let red = newest.iter().filter_map(|b| verdict(b)).take_while(|o| !o.is_green()).count();
    match (mark.look, red) {
        ("ok", _) => "is green".to_owned(),
        ("warn", _) => "is green with warnings".to_owned(),
        ("bad" | "odd", 1) => "broke in its last build".to_owned(),
        ("bad" | "odd", n) => format!("is broken, {n} builds in a row"),
        ("run", _) => "is building for the first time".to_owned(),
        _ if newest.is_empty() => "has never been built".to_owned(),
        _ => "has no verdict yet".to_owned(),
    }
}

/// Labels required, as `os = linux`.
pub(crate) fn requires(builder: &Row) -> Vec<String> {
    let labels: BTreeMap<String, Value> = builder.json("requires").unwrap_or_default();
    labels.iter().map(|(name, value)| format!("{name} = {value}")).collect()
}

/// Locks taken, as `gpu: 1 unit`, `disk: all of it`.
pub(crate) fn locks(row: &Row) -> Vec<String> {
    use steading_core::words::Access;
    let shown = |held: HeldLock| match held.access {
        Access::Counting(1) => format!("{} (1 unit)", held.lock),
        Access::Counting(n) => format!("{} ({n} units)", held.lock),
        Access::Exclusive => format!("{} (all of it)", held.lock),
    };
    match row.json::<Vec<HeldLock>>("locks") {
        Some(locks) => locks.into_iter().map(shown).collect(),
        None => match row.json::<Json>("locks") {
            Some(Json::Array(names)) => {
                names.iter().filter_map(Json::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;

    use super::*;

    #[test]
    fn the_headline_counts_what_is_broken() {
        let named = |name: &str| Row::from_iter([("name", Cell::from(name))]);
        let red = Row::from_iter([
            ("builder", Cell::from("docs")),
            ("number", 1.into()),
            ("outcome", "failure".into()),
        ]);
        let check = |declared: &[Row], recent: &[Row], expected: &str| {
            let surround = Surround::default();
            let view = builders(&surround, declared, recent, &Subjects::new());
            assert_eq!(view.headline, expected);
        };
        check(&[], &[], "No builder is declared yet – describe one in farm.star");
        check(&[named("hello")], &[], "One builder, none of them broken");
        check(&[named("hello"), named("docs")], &[red], "One of two builders broken");
    }

    #[test]
    fn requirements_and_locks_read_well() {
        let builder = Row::from_iter([
            ("requires", Cell::from(r#"{"os":"linux","gpu":true}"#)),
            (
                "locks",
                r#"[{"lock":"gpu","access":{"counting":1}},{"lock":"disk","access":"exclusive"}]"#
                    .into(),
            ),
        ]);
        assert_eq!(requires(&builder), ["gpu = true", "os = linux"]);
        assert_eq!(locks(&builder), ["gpu (1 unit)", "disk (all of it)"]);
    }
}
