//! What is told of a build: gathered from history and archive when it is sent.

use serde_json::{Value, json};
use steading_core::farm::Notifier;
use steading_core::settle::Turn;
use steading_core::words::{Build, Change, LogId, NotificationId, Outcome, Step, StepId};
use steading_store::{Error, Notification, Read};

use super::deliver::Failed;
use crate::context::Context;

/// Lines of standard error that are told.
const STDERR_LINES: usize = 20;
/// Characters of a line that are told.
const LINE_CHARS_MAX: usize = 300;
/// Changes that are named; more are counted.
const CHANGES_MAX: usize = 50;

/// Everything that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Its number in the outbox: sent twice, it has the same.
    pub(super) id: NotificationId,
    pub(super) turn: Turn,
    pub(super) build: Build,
    /// The build it is compared with.
    previous: Option<Build>,
    /// Why the build exists.
    reason: String,
    /// The blamelist, oldest first.
    changes: Vec<Change>,
    /// The step that failed, and the end of what it wrote to standard error.
    step: Option<(Step, Vec<String>)>,
    /// Where the build is to be seen, if that is known.
    link: Option<String>,
}

/// What history knows.
struct Facts {
    build: Build,
    previous: Option<Build>,
    reason: String,
    changes: Vec<Change>,
    failed: Option<(Step, Option<LogId>)>,
}

impl Message {
    /// Gathers it.
    pub(super) async fn of(
        context: &Context,
        notifier: &Notifier,
        one: &Notification,
    ) -> Result<Message, Failed> {
        let asked = one.clone();
        let facts = context.store.read(move |r| facts(r, &asked)).await;
        let facts = facts.map_err(|error| Failed::Passing(error.to_string()))?;
        let Some(Facts { build, previous, reason, changes, failed }) = facts else {
            return Err(Failed::Lasting(format!("there is no build {}", one.build)));
        };
        let step = match failed {
            Some((step, log)) => Some((step, tail(context, log).await)),
            None => None,
        };
        let base = notifier.link.clone().or_else(|| {
            let address = fs_err::read_to_string(context.data.join("address"));
            address.ok().map(|text| text.trim().to_owned())
        });
        let link = base.map(|base| format!("{base}/builds/{}", build.id));
        Ok(Message { id: one.id, turn: one.turn, build, previous, reason, changes, step, link })
    }

    /// One line: what happened, where.
    pub(super) fn subject(&self) -> String {
        let on = self.build.stamp.as_ref().map(|stamp| format!(" on {}", stamp.branch));
        let (builder, turn) = (&self.build.builder, self.turn.text());
        format!("{builder} {turn}{} (#{})", on.unwrap_or_default(), self.build.number)
    }

    /// The whole, for people.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!("{}.", self.subject())];
        if let Some(reason) = &self.build.outcome_reason {
            lines.push(reason.text.clone());
        }
        if let Some(link) = &self.link {
            lines.extend([String::new(), link.clone()]);
        }
        lines.extend([String::new(), format!("Built because of: {}", self.reason)]);
        if let Some(stamp) = &self.build.stamp {
            let revision = short(&stamp.revision);
            lines.push(format!("Revision {revision} of {}", stamp.repository));
        }
        lines.push(format!("Worker {}", self.build.worker));
        if let Some(previous) = &self.previous {
            let outcome = previous.outcome.map_or("unfinished", Outcome::word);
            lines.push(format!("The build before, #{}, was {outcome}", previous.number));
        }
        if !self.changes.is_empty() {
            lines.extend([String::new(), "Changes:".to_owned()]);
            lines.extend(self.changes.iter().take(CHANGES_MAX).map(|change| {
                let subject = change.message.lines().next().unwrap_or_default();
                format!("  {} {}: {subject}", short(&change.revision), change.author)
            }));
            if let Some(more) = self.changes.len().checked_sub(CHANGES_MAX).filter(|n| *n > 0) {
                lines.push(format!("  … and {more} more"));
            }
        }
        if let Some((step, tail)) = &self.step {
            let why = step.outcome_reason.as_ref().map_or("", |reason| reason.text.as_str());
            lines.extend([String::new(), format!("Step {}: {why}", step.name)]);
            lines.extend(tail.iter().map(|line| format!("  | {line}")));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// The whole, for programs.
    pub(super) fn json(&self) -> Value {
        let build = |build: &Build| {
            let stamp = build.stamp.as_ref();
            json!({
                "id": build.id.0, "builder": build.builder, "number": build.number,
                "outcome": build.outcome.map(Outcome::word),
                "outcome_reason": build.outcome_reason,
                "worker": build.worker,
                "repository": stamp.map(|stamp| &stamp.repository),
                "branch": stamp.map(|stamp| &stamp.branch),
                "revision": stamp.map(|stamp| &stamp.revision),
            })
        };
        let changes = self.changes.iter().map(|change| {
            json!({
                "id": change.id.0, "revision": change.revision, "author": change.author,
                "message": change.message,
            })
        });
        let step = self.step.as_ref().map(|(step, tail)| {
            json!({ "name": step.name, "reason": step.outcome_reason, "stderr": tail })
        });
        json!({
            "notification_id": self.id.0, "turn": self.turn.word(), "subject": self.subject(),
            "build": build(&self.build), "previous": self.previous.as_ref().map(build),
            "reason": self.reason, "changes": changes.collect::<Vec<_>>(), "step": step,
            "link": self.link,
        })
    }
}

fn facts(r: &Read<'_>, one: &Notification) -> Result<Option<Facts>, Error> {
    let Some(build) = r.build(one.build)? else { return Ok(None) };
    let previous = one.previous.map(|id| r.build(id)).transpose()?.flatten();
    let buildset = r.buildset(build.buildset_id)?;
    let (reason, ids) = buildset.map(|set| (set.reason, set.changes)).unwrap_or_default();
    let mut changes = Vec::new();
    for id in ids {
        changes.extend(r.change(id)?);
    }
    let bad = |step: &Step| matches!(step.outcome, Some(Outcome::Failure | Outcome::Exception));
    let failed = match r.steps(build.id)?.into_iter().find(bad) {
        Some(step) => {
            let log = stderr(r, &build, step.id)?;
            Some((step, log))
        }
        None => None,
    };
    Ok(Some(Facts { build, previous, reason, changes, failed }))
}

fn stderr(r: &Read<'_>, build: &Build, step: StepId) -> Result<Option<LogId>, Error> {
    let logs = r.logs(build.id)?;
    let log = logs.into_iter().find(|log| log.step_id == step && log.name == "stderr");
    Ok(log.map(|log| log.id))
}

/// The last lines; what cannot be read is told so.
async fn tail(context: &Context, log: Option<LogId>) -> Vec<String> {
    let Some(log) = log else { return Vec::new() };
    let archive = context.archive.clone();
    let read = steading_store::off_thread(move || archive.tail_lines(log, STDERR_LINES)).await;
    match read {
        Ok(Ok(lines)) => lines.iter().map(|line| shown(&line.bytes)).collect(),
        Ok(Err(error)) => vec![format!("(cannot be read: {error})")],
        Err(error) => vec![format!("(cannot be read: {error})")],
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = |c: &char| !c.is_control() || *c == '\t';
    text.chars().filter(plain).take(LINE_CHARS_MAX).collect()
}

fn short(revision: &str) -> &str {
    revision.get(..12).unwrap_or(revision)
}
