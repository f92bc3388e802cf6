//! What pages read: each page is one read section of few queries, whatever the size of the farm.

use std::collections::{BTreeMap, BTreeSet};

use steading_core::words::{BuildId, Cell, Duration, LogId, Noun, noun};
use steading_store::archive::Archive;
use steading_store::{Error, Filter, Op, Order, Query, Read};
use steading_wire::{render, rest};

use super::view::build::BuildFacts;
use super::view::builder::BuilderFacts;
use super::view::code::Subjects;
use super::view::frame::Surround;
use super::view::home::{HomeFacts, STRIP_MAX, subjects_of};
use super::view::log::{self, LogView, Stream};
use super::view::row::Row;
use super::view::step::{StepFacts, open_step};

/// How many pending requests a page looks at.
const PENDING_MAX: usize = 200;
/// How many workers a page lists.
const WORKERS_MAX: usize = 1000;
/// How many builders, schedulers, locks a page lists.
const DECLARED_MAX: usize = 1000;
/// How many recent builds strips are made of.
const RECENT_MAX: usize = 400;
/// How many running builds a page lists.
const LIVE_MAX: usize = 200;
/// How many builders that were quiet for long are looked up one by one.
const QUIET_MAX: usize = 100;
/// How many changes are looked at for their subjects.
const CHANGES_MAX: usize = 200;
/// How many lines of an open step are shown at once.
pub(super) const TAIL_LINES: usize = 200;
/// How many lines a page of a log has.
pub(super) const PAGE_LINES: usize = 2000;
/// How much of the end of stderr stands beside a failure.
const STDERR_LINES: usize = 20;
const STDERR_BYTES_MAX: usize = 4096;

/// What lists of builds show.
const BUILD_FIELDS: [&str; 16] = [
    "id",
    "builder",
    "number",
    "worker",
    "state",
    "outcome",
    "outcome_reason",
    "step",
    "repository",
    "branch",
    "revision",
    "reason",
    "locks",
    "started_at",
    "steps_ended_at",
    "finished_at",
];

fn table(name: &str) -> &'static Noun {
    noun(name).expect("pages ask for nouns of the table")
}

fn filter(field: &str, op: Op, value: impl Into<Cell>) -> Filter {
    Filter { field: field.to_owned(), op, values: vec![value.into()] }
}

fn newest_first(field: &str) -> Option<Order> {
    Some(Order { field: field.to_owned(), descending: true })
}

/// One page of a noun, and whether there is more.
fn rows(r: &Read<'_>, name: &str, query: &Query) -> Result<(Vec<Row>, bool), Error> {
    let page = r.page(table(name), query)?;
    Ok((page.rows.into_iter().map(Row::from).collect(), page.next.is_some()))
}

fn all(r: &Read<'_>, name: &str, filters: Vec<Filter>, limit: usize) -> Result<Vec<Row>, Error> {
    let query = Query { filters, limit: Some(limit), ..Query::default() };
    Ok(rows(r, name, &query)?.0)
}

fn builds(
    r: &Read<'_>,
    filters: Vec<Filter>,
    order: &str,
    limit: usize,
) -> Result<(Vec<Row>, bool), Error> {
    let fields = Some(BUILD_FIELDS.map(str::to_owned).to_vec());
    let order = newest_first(order);
    rows(r, "build", &Query { filters, order, limit: Some(limit), fields, ..Query::default() })
}

/// What every page needs.
pub(super) fn surround(r: &Read<'_>) -> Result<Surround, Error> {
    let pending = vec![Filter::eq("state", "pending")];
    let waiting = r.count(table("request"), &pending)?;
    let pending = all(r, "request", pending, PENDING_MAX)?;
    let mut workers = all(r, "worker", vec![], WORKERS_MAX)?;
    workers.sort_by(|a, b| a.text("name").cmp(b.text("name")));
    let (now, as_of, farm) = (r.now(), r.newest_seq()?.0, r.farm_row()?);
    Ok(Surround { now, as_of, workers, pending, waiting, farm })
}

/// Builds without an outcome, oldest first.
pub(super) fn live(r: &Read<'_>) -> Result<Vec<Row>, Error> {
    let unfinished = vec![filter("finished_at", Op::Eq, Cell::Null)];
    let (mut live, _) = builds(r, unfinished, "id", LIVE_MAX)?;
    live.reverse();
    Ok(live)
}

/// What is declared now, by name.
pub(super) fn declared(r: &Read<'_>, name: &str) -> Result<Vec<Row>, Error> {
    let mut rows = all(r, name, vec![Filter::eq("active", true)], DECLARED_MAX)?;
    rows.sort_by(|a, b| a.text("name").cmp(b.text("name")));
    Ok(rows)
}

/// Subjects of the newest changes.
pub(super) fn subjects(r: &Read<'_>) -> Result<Subjects, Error> {
    let fields = Some(["id", "revision", "message"].map(str::to_owned).to_vec());
    let order = newest_first("id");
    let query = Query { order, limit: Some(CHANGES_MAX), fields, ..Query::default() };
    Ok(subjects_of(&rows(r, "change", &query)?.0))
}

/// Recent builds, newest first, with some of each builder that was quiet for long.
fn recent(r: &Read<'_>, builders: &[Row]) -> Result<Vec<Row>, Error> {
    let (mut recent, more) = builds(r, vec![], "id", RECENT_MAX)?;
    if more {
        let seen: BTreeSet<String> = recent.iter().map(|b| b.text("builder").to_owned()).collect();
        let quiet = builders.iter().map(|b| b.text("name")).filter(|name| !seen.contains(*name));
        for name in quiet.take(QUIET_MAX) {
            let own = vec![Filter::eq("builder", name)];
            recent.extend(builds(r, own, "number", STRIP_MAX)?.0);
        }
    }
    Ok(recent)
}

/// The first page.
pub(super) fn home(r: &Read<'_>) -> Result<HomeFacts, Error> {
    let builders = declared(r, "builder")?;
    let live = live(r)?;
    let busy: BTreeSet<&str> = live.iter().map(|b| b.text("builder")).collect();
    let mut usual: BTreeMap<String, Duration> = BTreeMap::new();
    for builder in busy {
        usual.extend(r.usual_duration(builder)?.map(|span| (builder.to_owned(), span)));
    }
    let recent = recent(r, &builders)?;
    Ok(HomeFacts { surround: surround(r)?, builders, live, recent, usual, subjects: subjects(r)? })
}

/// All builders with recent builds.
pub(super) fn builders(r: &Read<'_>) -> Result<(Surround, Vec<Row>, Vec<Row>, Subjects), Error> {
    let builders = declared(r, "builder")?;
    let recent = recent(r, &builders)?;
    Ok((surround(r)?, builders, recent, subjects(r)?))
}

/// One builder; with `below` the builds before that number.
pub(super) fn builder(
    r: &Read<'_>,
    name: &str,
    below: Option<i64>,
    most: usize,
) -> Result<Option<(BuilderFacts, Vec<Row>)>, Error> {
    let found = all(r, "builder", vec![Filter::eq("name", name)], 1)?;
    let Some(builder) = found.into_iter().next() else { return Ok(None) };
    let (newest, more_newest) = builds(r, vec![Filter::eq("builder", name)], "number", most)?;
    let (shown, more) = match below {
        None => (newest.clone(), more_newest),
        Some(number) => {
            let older = vec![Filter::eq("builder", name), filter("number", Op::Lt, number)];
            builds(r, older, "number", most)?
        }
    };
    let facts = BuilderFacts {
        surround: surround(r)?,
        builder,
        builds: shown,
        newest,
        more,
        usual: r.usual_duration(name)?,
        subjects: subjects(r)?,
    };
    Ok(Some((facts, declared(r, "scheduler")?)))
}

/// Which build: by id, or by number within a builder.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// By its id.
    Id(i64),
    /// As people call it.
    Numbered(String, i64),
}

/// One build, without the contents of its logs.
pub(super) fn build(r: &Read<'_>, which: &Which) -> Result<Option<(Surround, BuildFacts)>, Error> {
    let build = match which {
        Which::Id(id) => r.build(BuildId(*id))?,
        Which::Numbered(builder, number) => r.build_numbered(builder, *number)?,
    };
    let Some(build) = build else { return Ok(None) };
    let of_build = || vec![Filter::eq("build_id", build.id.0)];
    let Some(row) = r.one(table("build"), build.id.0)?.map(Row::from) else { return Ok(None) };
    let request = r.one(table("request"), build.attempt.request.0)?.map(Row::from);
    let own = || Filter::eq("builder", build.builder.as_str());
    let (newest, _) = builds(r, vec![own()], "number", 1)?;
    let surround = surround(r)?;
    let mut rows = all(r, "step", of_build(), DECLARED_MAX)?;
    rows.sort_by_key(|step| step.int("number"));
    let steps = StepFacts {
        plan: build.plan.steps.iter().map(|s| s.name.clone()).collect(),
        rows,
        logs: all(r, "log", of_build(), DECLARED_MAX)?,
        ..StepFacts::default()
    };
    let facts = BuildFacts {
        now: surround.now,
        request: request.unwrap_or_default(),
        steps,
        artifacts: all(r, "artifact", of_build(), DECLARED_MAX)?,
        changes: changes_of(r, build.buildset_id.0)?,
        usual: r.usual_duration(&build.builder)?,
        last_green: last_green(r, &build.builder, build.number)?,
        newest: newest.first().map_or(0, |b| b.int("number")),
        build: row,
    };
    Ok(Some((surround, facts)))
}

fn last_green(r: &Read<'_>, builder: &str, before: i64) -> Result<Option<Row>, Error> {
    let green = ["success", "warnings"].map(Cell::from).to_vec();
    let filters = vec![
        Filter::eq("builder", builder),
        filter("number", Op::Lt, before),
        Filter { field: "outcome".to_owned(), op: Op::In, values: green },
    ];
    Ok(builds(r, filters, "number", 1)?.0.into_iter().next())
}

fn changes_of(r: &Read<'_>, buildset: i64) -> Result<Vec<Row>, Error> {
    let buildset = r.one(table("buildset"), buildset)?.map(Row::from).unwrap_or_default();
    let mut ids: Vec<i64> = buildset.json("changes").unwrap_or_default();
    ids.truncate(CHANGES_MAX);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let values = ids.into_iter().map(Cell::Int).collect();
    let filters = vec![Filter { field: "id".to_owned(), op: Op::In, values }];
    let order = newest_first("id");
    let query = Query { filters, order, limit: Some(CHANGES_MAX), ..Query::default() };
    Ok(rows(r, "change", &query)?.0)
}

/// A request with its builds, newest attempt first.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) surround: Surround,
    pub(super) request: Row,
    pub(super) builds: Vec<Row>,
    pub(super) subjects: Subjects,
}

/// One request.
pub(super) fn request(r: &Read<'_>, id: i64) -> Result<Option<Asked>, Error> {
    let Some(request) = r.one(table("request"), id)?.map(Row::from) else { return Ok(None) };
    let mut builds = all(r, "build", vec![Filter::eq("request_id", id)], LIVE_MAX)?;
    builds.reverse();
    Ok(Some(Asked { surround: surround(r)?, request, builds, subjects: subjects(r)? }))
}

/// Rows of the requests with these ids.
pub(super) fn requests(r: &Read<'_>, ids: &[i64]) -> Result<Vec<Row>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let values = ids.iter().copied().map(Cell::Int).collect();
    let filters = vec![Filter { field: "id".to_owned(), op: Op::In, values }];
    all(r, "request", filters, ids.len().clamp(1, DECLARED_MAX))
}

/// Changes, newest first; with `below` those before that id.
pub(super) fn changes(
    r: &Read<'_>,
    below: Option<i64>,
    most: usize,
) -> Result<(Vec<Row>, bool), Error> {
    let filters = below.map(|id| filter("id", Op::Lt, id)).into_iter().collect();
    let order = newest_first("id");
    rows(r, "change", &Query { filters, order, limit: Some(most), ..Query::default() })
}

/// The ends of the logs a build's page shows at once. Blocks on the disk.
pub(super) fn ends(archive: &Archive, steps: &mut StepFacts) {
    let open = open_step(&steps.rows);
    for step in &steps.rows {
        let id = step.int("id");
        if step.outcome().is_some_and(|o| !o.is_green()) {
            steps.tails.insert(id, stderr_tail(archive, log_id(&steps.logs, id, true)));
        }
        if open == Some(id) {
            let streams = [false, true]
                .map(|err| stream(archive, log_id(&steps.logs, id, err), err, Part::End));
            steps.shown.insert(id, log::tail(streams, step.time("started_at"), TAIL_LINES));
        }
    }
}

/// A page of a step's log from these lines on. Blocks on the disk.
pub(super) fn part(archive: &Archive, logs: &[Row], step: &Row, from: (i64, i64)) -> LogView {
    let [out, err] = [(false, from.0), (true, from.1)].map(|(err, first)| {
        stream(archive, log_id(logs, step.int("id"), err), err, Part::From(first.max(1)))
    });
    log::head([out, err], step.time("started_at"), PAGE_LINES)
}

enum Part {
    End,
    From(i64),
}

fn log_id(logs: &[Row], step: i64, err: bool) -> Option<LogId> {
    let name = if err { "stderr" } else { "stdout" };
    let log = logs.iter().find(|l| l.int("step_id") == step && l.text("name") == name);
    log.map(|l| LogId(l.int("id")))
}

/// Lines of a stream; what cannot be read is shown as one line that says so.
fn stream(archive: &Archive, log: Option<LogId>, err: bool, part: Part) -> Stream {
    let Some(log) = log else { return Stream { err, ..Stream::default() } };
    let read = match part {
        Part::End => archive.tail_lines(log, TAIL_LINES),
        Part::From(first) => archive.log_lines(log, u64::try_from(first).unwrap_or(1), PAGE_LINES),
    };
    let total = archive.log_size(log).map(|(_, lines)| i64::try_from(lines).unwrap_or(i64::MAX));
    match (read, total) {
        (Ok(lines), Ok(total)) => {
            let lines: Vec<rest::Line> = lines.iter().map(line).collect();
            let before = match (lines.first(), part_first(&part)) {
                (Some(first), _) => first.number - 1,
                (None, Some(first)) => (first - 1).min(total),
                (None, None) => total,
            };
            let total = lines.last().map_or(total, |last| total.max(last.number));
            Stream { err, lines, before, total }
        }
        (Err(error), _) | (_, Err(error)) => unreadable(err, &error.to_string()),
    }
}

fn part_first(part: &Part) -> Option<i64> {
    match part {
        Part::End => None,
        Part::From(first) => Some(*first),
    }
}

fn unreadable(err: bool, error: &str) -> Stream {
    let text = format!("[this log cannot be read: {error}]");
    let line = rest::Line { number: 1, at: String::new(), text, cut: false };
    Stream { err, lines: vec![line], before: 0, total: 1 }
}

fn line(line: &steading_store::archive::Line) -> rest::Line {
    rest::Line {
        number: i64::try_from(line.number).unwrap_or(i64::MAX),
        at: render::time(steading_core::words::Micros(line.at)),
        text: String::from_utf8_lossy(&line.bytes).into_owned(),
        cut: line.is_cut(),
    }
}

/// The end of what a step said on stderr, plain.
fn stderr_tail(archive: &Archive, log: Option<LogId>) -> String {
    let Some(log) = log else { return String::new() };
    let lines = archive.tail_lines(log, STDERR_LINES).unwrap_or_default();
    let mut style = super::view::ansi::Style::default();
    let plain = |l: &steading_store::archive::Line| -> String {
        let spans = super::view::ansi::paint(&String::from_utf8_lossy(&l.bytes), &mut style);
        spans.into_iter().map(|s| s.text).collect()
    };
    let text: Vec<String> = lines.iter().map(plain).collect();
    let text = text.join("\n");
    let text = text.trim_end();
    let from = text.len().saturating_sub(STDERR_BYTES_MAX);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[from..].to_owned()
}
