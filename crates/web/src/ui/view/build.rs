//! One build: how it ended and why, where its time went, what it printed and left behind.

use serde::Serialize;
use steading_core::words::{Cause, Duration, Micros, Outcome, Reason};

use super::builder::locks;
use super::code::{self, Code, Subjects};
use super::line::{Progress, progress};
use super::mark::{self, Mark};
use super::phases::{Phase, phases};
use super::row::Row;
use super::step::{StepFacts, StepView, steps};
use super::when::{Lasts, When, ago, lasts};
use super::words::{first_line, size};

/// How many files of a change are named.
const FILES_MAX: usize = 4;

/// What is known of a build.
#[derive(Debug, Clone, Default)]
pub(crate) struct BuildFacts {
    /// The time of the read.
    pub(crate) now: Micros,
    /// The build.
    pub(crate) build: Row,
    /// The request it is an attempt at.
    pub(crate) request: Row,
    /// Its steps and logs.
    pub(crate) steps: StepFacts,
    /// What it left.
    pub(crate) artifacts: Vec<Row>,
    /// The changes it is blamed on.
    pub(crate) changes: Vec<Row>,
    /// How long its builder usually takes.
    pub(crate) usual: Option<Duration>,
    /// The newest green build before it.
    pub(crate) last_green: Option<Row>,
    /// The number of its builder's newest build.
    pub(crate) newest: i64,
}

/// The page of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BuildPage {
    /// Its id.
    pub(crate) id: i64,
    /// Its builder.
    pub(crate) builder: String,
    /// Its number.
    pub(crate) number: i64,
    /// How it stands.
    pub(crate) mark: Mark,
    /// `failed`, `is running`, ….
    pub(crate) verb: &'static str,
    /// `in test after 6:41`.
    pub(crate) rest: String,
    /// Why it is not green, in a sentence.
    pub(crate) why: String,
    /// Which code.
    pub(crate) code: Option<Code>,
    /// Against the usual time, while it runs.
    pub(crate) progress: Option<Progress>,
    /// Where its time went.
    pub(crate) phases: Vec<Phase>,
    /// Its steps.
    pub(crate) steps: Vec<StepView>,
    /// The changes it is blamed on.
    pub(crate) changes: Vec<ChangeLine>,
    /// What it left.
    pub(crate) artifacts: Vec<ArtifactLine>,
    /// The properties it was given.
    pub(crate) properties: Vec<PropertyLine>,
    /// The properties every build has.
    pub(crate) own_properties: Vec<PropertyLine>,
    /// Where and why it ran.
    pub(crate) facts: Facts,
    /// Whether it can be cancelled.
    pub(crate) can_cancel: bool,
    /// Whether it is over.
    pub(crate) finished: bool,
    /// The number of the build before it.
    pub(crate) before: Option<i64>,
    /// The number of the build after it.
    pub(crate) after: Option<i64>,
    /// The newest green build before it, when it is not green.
    pub(crate) last_green: Option<i64>,
}

/// Where and why a build ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Facts {
    /// The request.
    pub(crate) request: i64,
    /// Which attempt at it.
    pub(crate) attempt: i64,
    /// Why it exists.
    pub(crate) reason: String,
    /// Who asked.
    pub(crate) owner: String,
    /// Where it ran.
    pub(crate) worker: String,
    /// How long the request waited.
    pub(crate) waited: Option<String>,
    /// When it started.
    pub(crate) started: Option<When>,
    /// When it was over.
    pub(crate) finished: Option<When>,
    /// How long it took.
    pub(crate) took: Option<Lasts>,
    /// How long it usually takes.
    pub(crate) usual: Option<String>,
    /// The locks it held.
    pub(crate) locks: Vec<String>,
    /// The configuration it began with.
    pub(crate) configuration: i64,
    /// The machine-readable reason of its outcome.
    pub(crate) code: String,
    /// The infrastructure errors its outcome is made of.
    pub(crate) causes: Vec<String>,
}

/// A change in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeLine {
    /// Its id.
    pub(crate) id: i64,
    /// The revision as people say it.
    pub(crate) short: String,
    /// The revision in full.
    pub(crate) revision: String,
    /// The branch.
    pub(crate) branch: String,
    /// The repository.
    pub(crate) repository: String,
    /// Its first line.
    pub(crate) subject: String,
    /// Who wrote it.
    pub(crate) author: String,
    /// When the farm learned of it.
    pub(crate) when: Option<When>,
    /// Some of the files it touched.
    pub(crate) files: Vec<String>,
    /// How many more files.
    pub(crate) more_files: usize,
}

/// An artifact in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ArtifactLine {
    /// Its id.
    pub(crate) id: i64,
    /// Its path.
    pub(crate) path: String,
    /// How large it is.
    pub(crate) size: String,
    /// The beginning of its hash.
    pub(crate) hash: String,
}

/// A property in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PropertyLine {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
    /// Who set it.
    pub(crate) source: String,
}

/// The view of a build.
pub(crate) fn build(facts: &BuildFacts) -> BuildPage {
    let row = &facts.build;
    let now = facts.now;
    let outcome = row.outcome();
    let number = row.int("number");
    let finished = row.text("state") == "finished";
    let subjects: Subjects = code::subjects(&facts.changes);
    let red = outcome.is_some_and(|o| !o.is_green());
    let submitted = facts.request.time("submitted_at").filter(|_| row.int("epoch") <= 1);
    let running = row.text("state") == "running";
    let steps = steps(&facts.steps, finished, now);
    let (own_properties, properties) =
        properties(row).into_iter().partition(|p| p.source == "farm");
    BuildPage {
        id: row.int("id"),
        builder: row.text("builder").to_owned(),
        number,
        mark: mark::of_row(row),
        verb: verb(row),
        rest: rest(row, &facts.steps.rows),
        why: why(row, &steps),
        code: code::of_row(row, &subjects),
        progress: if running { progress(row, facts.usual, now) } else { None },
        phases: phases(row, &facts.steps.rows, submitted, now),
        steps,
        changes: facts.changes.iter().map(|c| change(c, now)).collect(),
        artifacts: facts.artifacts.iter().map(artifact).collect(),
        properties,
        own_properties,
        facts: facts_of(facts, submitted),
        can_cancel: matches!(row.text("state"), "running" | "cancelling"),
        finished,
        before: (number > 1).then_some(number - 1),
        after: (number < facts.newest).then_some(number + 1),
        last_green: facts.last_green.as_ref().filter(|_| red).map(|b| b.int("number")),
    }
}

/// What the build did, so that "#12 failed" is a sentence.
fn verb(row: &Row) -> &'static str {
    match row.outcome() {
        Some(Outcome::Success) => "succeeded",
        Some(Outcome::Warnings) => "succeeded with warnings",
        Some(Outcome::Failure) => "failed",
        Some(Outcome::Skipped) => "was skipped",
        Some(Outcome::Exception) => "ended in an exception",
        Some(Outcome::Retry) => "is tried again",
        Some(Outcome::Cancelled) => "was cancelled",
        None => match row.text("state") {
            "cancelling" => "is being cancelled",
            "gathering" => "is gathering what it left",
            _ => "is running",
        },
    }
}

/// Why it is not green, unless one of its steps says the same below.
fn why(row: &Row, steps: &[StepView]) -> String {
    let reason = row.outcome().filter(|o| *o != Outcome::Success).and(row.reason());
    let Some(reason) = reason else { return String::new() };
    let said = |s: &StepView| {
        let cause = s.cause.as_ref().map_or(s.note.as_str(), |c| c.text.as_str());
        !cause.is_empty() && reason.text.contains(cause)
    };
    // Who stopped it is told here alone.
    let told_below = row.outcome() != Some(Outcome::Cancelled) && steps.iter().any(said);
    if told_below { String::new() } else { reason.text }
}

fn rest(row: &Row, steps: &[Row]) -> String {
    let started = row.time("started_at");
    let took = started.zip(row.time("finished_at")).map(|(from, to)| to.since(from));
    let same = |s: &&Row| s.outcome() == row.outcome() && s.outcome().is_some();
    match (row.outcome(), took) {
        (None, _) => match row.maybe_text("step") {
            Some(step) if row.text("state") == "running" => format!("in {step}"),
            _ => String::new(),
        },
        (Some(outcome), took) => {
            let at = steps.iter().find(same).filter(|_| !outcome.is_green());
            let at = at.map(|s| format!("in {} ", s.text("name"))).unwrap_or_default();
            let word = if outcome.is_green() { "in" } else { "after" };
            took.map(|took| format!("{at}{word} {took}")).unwrap_or(at)
        }
    }
}

fn facts_of(facts: &BuildFacts, submitted: Option<Micros>) -> Facts {
    let row = &facts.build;
    let now = facts.now;
    let started = row.time("started_at");
    Facts {
        request: row.int("request_id"),
        attempt: row.int("epoch"),
        reason: row.text("reason").to_owned(),
        owner: row.text("owner").to_owned(),
        worker: row.text("worker").to_owned(),
        waited: submitted.zip(started).map(|(from, to)| to.since(from).to_string()),
        started: started.map(|at| ago(at, now)),
        finished: row.time("finished_at").map(|at| ago(at, now)),
        took: started.map(|at| lasts(at, row.time("finished_at"), now)),
        usual: facts.usual.map(|u| u.to_string()),
        locks: locks(row),
        configuration: row.int("configuration_id"),
        causes: row.reason().map(causes).unwrap_or_default(),
        code: row.reason().map(|r| r.code).unwrap_or_default(),
    }
}

fn causes(reason: Reason) -> Vec<String> {
    let said = |cause: Cause| match cause.build_id {
        Some(build) => format!("{}, build {build}: {}", cause.worker, cause.text),
        None => format!("{}: {}", cause.worker, cause.text),
    };
    reason.causes.into_iter().map(said).collect()
}

/// A change as a line.
pub(crate) fn change(row: &Row, now: Micros) -> ChangeLine {
    let mut files: Vec<String> = row.json("files").unwrap_or_default();
    let more_files = files.len().saturating_sub(FILES_MAX);
    files.truncate(FILES_MAX);
    ChangeLine {
        id: row.int("id"),
        short: code::short(row.text("revision")),
        revision: row.text("revision").to_owned(),
        branch: row.text("branch").to_owned(),
        repository: row.text("repository").to_owned(),
        subject: first_line(row.text("message"), 120),
        author: row.text("author").to_owned(),
        when: row.time("created_at").map(|at| ago(at, now)),
        files,
        more_files,
    }
}

fn artifact(row: &Row) -> ArtifactLine {
    ArtifactLine {
        id: row.int("id"),
        path: row.text("path").to_owned(),
        size: size(row.int("size")),
        hash: row.text("hash").chars().take(12).collect(),
    }
}

/// The properties of a request or build, as lines.
pub(crate) fn properties(row: &Row) -> Vec<PropertyLine> {
    let line = |(name, property): (String, steading_core::words::Property)| PropertyLine {
        name,
        value: property.value.to_string(),
        source: property.source,
    };
    row.properties().into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;

    use super::*;

    fn sentence(state: &str, outcome: Option<&str>, step: Option<(&str, &str)>) -> String {
        let build = Row::from_iter([
            ("number", Cell::Int(12)),
            ("epoch", 1.into()),
            ("state", state.into()),
            ("outcome", outcome.into()),
            ("step", step.map(|s| s.0).into()),
            ("started_at", Cell::Int(0)),
            ("finished_at", outcome.map(|_| 401_000_000).into()),
        ]);
        let rows = step.map(|(name, outcome)| {
            Row::from_iter([("name", Cell::from(name)), ("outcome", outcome.into())])
        });
        let steps = StepFacts { rows: rows.into_iter().collect(), ..StepFacts::default() };
        let page = super::build(&BuildFacts { build, steps, newest: 12, ..BuildFacts::default() });
        format!("#{} {} {}", page.number, page.verb, page.rest)
    }

    #[test]
    fn the_header_is_a_sentence() {
        let failed = sentence("finished", Some("failure"), Some(("test", "failure")));
        assert_eq!(failed, "#12 failed in test after 6:41");
        assert_eq!(sentence("finished", Some("success"), None), "#12 succeeded in 6:41");
        assert_eq!(sentence("running", None, Some(("build", ""))), "#12 is running in build");
        let cancelled = sentence("finished", Some("cancelled"), Some(("build", "cancelled")));
        assert_eq!(cancelled, "#12 was cancelled in build after 6:41");
        let exception = sentence("finished", Some("exception"), None);
        assert_eq!(exception, "#12 ended in an exception after 6:41");
    }
}
