//! The queue in dispatch order, and one request: why not yet?

use std::collections::BTreeMap;

use serde::Serialize;
use steading_core::words::Micros;
use steading_wire::rest::{Exclusion, Explanation, LockWait, Queue};

use super::code::{self, Code, Subjects};
use super::line::{BuildLine, line};
use super::mark::{self, Mark};
use super::row::Row;
use super::when::{Lasts, When, ago, lasts};
use super::words::{count, sentence};

/// How many of the excluded workers are named.
const NAMED_MAX: usize = 4;

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct QueuePage {
    /// The answer.
    pub(crate) headline: String,
    /// Why the order is not known, if it is not.
    pub(crate) trouble: String,
    /// First to start first.
    pub(crate) items: Vec<Waiting>,
    /// How many are not shown.
    pub(crate) more: i64,
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Waiting {
    /// Its id.
    pub(crate) request: i64,
    /// Its place.
    pub(crate) position: Option<i64>,
    /// Its builder.
    pub(crate) builder: String,
    /// Which code.
    pub(crate) code: Option<Code>,
    /// Why not yet.
    pub(crate) summary: String,
    /// How long it has waited.
    pub(crate) waited: Option<Lasts>,
    /// When it is expected to start, if anything starts it by itself.
    pub(crate) starts: String,
    /// What would let it run.
    pub(crate) remedies: Vec<String>,
    /// What excludes workers.
    pub(crate) exclusions: Vec<ExclusionLine>,
    /// Whether no worker can ever run it.
    pub(crate) never: bool,
}

/// A predicate with some of the workers it excludes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ExclusionLine {
    /// In words.
    pub(crate) text: String,
    /// What would change it.
    pub(crate) remedy: String,
    /// How many workers.
    pub(crate) count: usize,
    /// Some of their names.
    pub(crate) workers: Vec<String>,
    /// How many more.
    pub(crate) more: usize,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RequestPage {
    /// Its id.
    pub(crate) id: i64,
    /// Its builder.
    pub(crate) builder: String,
    /// How it stands.
    pub(crate) mark: Mark,
    /// The answer.
    pub(crate) headline: String,
    /// Why it is not running yet.
    pub(crate) why: String,
    /// Which code.
    pub(crate) code: Option<Code>,
    /// Why it exists.
    pub(crate) reason: String,
    /// Who asked.
    pub(crate) owner: String,
    /// Its priority.
    pub(crate) priority: i64,
    /// The only worker that may build it.
    pub(crate) pinned: String,
    /// When it was submitted.
    pub(crate) submitted: Option<When>,
    /// How long it waits, while it does.
    pub(crate) waited: Option<Lasts>,
    /// What excludes workers.
    pub(crate) exclusions: Vec<ExclusionLine>,
    /// The locks in the way.
    pub(crate) locks: Vec<LockWait>,
    /// What would let it run.
    pub(crate) remedies: Vec<String>,
    /// When it is expected to start, if anything starts it by itself.
    pub(crate) starts: String,
    /// What would make it start earlier, or would not.
    pub(crate) what_if: Vec<String>,
    /// Its builds, newest attempt first.
    pub(crate) builds: Vec<BuildLine>,
    /// The request it was folded into.
    pub(crate) collapsed_into: Option<i64>,
    /// Its properties.
    pub(crate) properties: Vec<super::build::PropertyLine>,
    /// Whether it can be cancelled.
    pub(crate) can_cancel: bool,
}

/// The queue, from the master's answer and the rows of the requests it names.
pub(crate) fn queue(
    answer: Result<Queue, String>,
    requests: &[Row],
    subjects: &Subjects,
    now: Micros,
) -> QueuePage {
    let (queue, trouble) = match answer {
        Ok(queue) => (queue, String::new()),
        Err(trouble) => (unordered(requests), trouble),
    };
    let by: BTreeMap<i64, &Row> = requests.iter().map(|r| (r.int("id"), r)).collect();
    let headline = match queue.total {
        0 => "Nothing waits".to_owned(),
        1 => "One request waits".to_owned(),
        n if trouble.is_empty() => {
            format!("{} wait, in the order they will start", sentence(&count(n, "request")))
        }
        n => format!("{} wait", sentence(&count(n, "request"))),
    };
    let shown = i64::try_from(queue.items.len()).unwrap_or(i64::MAX);
    let item = |e: Explanation| waiting(by.get(&e.request_id).copied(), e, subjects, now);
    QueuePage {
        headline,
        trouble,
        more: (queue.total - shown).max(0),
        items: queue.items.into_iter().map(item).collect(),
    }
}

/// The queue as history knows it, when the master does not answer.
fn unordered(requests: &[Row]) -> Queue {
    let plain = |r: &Row| Explanation {
        request_id: r.int("id"),
        state: r.text("state").to_owned(),
        position: None,
        summary: String::new(),
        workers: Vec::new(),
        locks: Vec::new(),
        verdict: String::new(),
        remedies: Vec::new(),
        starts_in_ms: None,
        what_if: Vec::new(),
        as_of: 0,
    };
    let total = i64::try_from(requests.len()).unwrap_or(i64::MAX);
    Queue { items: requests.iter().map(plain).collect(), total, as_of: 0 }
}

fn waiting(row: Option<&Row>, e: Explanation, subjects: &Subjects, now: Micros) -> Waiting {
    let submitted = row.and_then(|r| r.time("submitted_at"));
    Waiting {
        request: e.request_id,
        position: e.position,
        builder: row.map(|r| r.text("builder").to_owned()).unwrap_or_default(),
        code: row.and_then(|r| code::of_row(r, subjects)),
        waited: submitted.map(|at| lasts(at, None, now)),
        never: e.verdict == "never",
        starts: e.starts_in_ms.map(|starts| starts.text()).unwrap_or_default(),
        summary: e.summary,
        remedies: e.remedies,
        exclusions: e.workers.into_iter().map(exclusion).collect(),
    }
}

fn exclusion(e: Exclusion) -> ExclusionLine {
    let count = e.workers.len();
    let mut workers = e.workers;
    workers.truncate(NAMED_MAX);
    let more = count - workers.len();
    ExclusionLine { text: e.text, remedy: e.remedy, count, workers, more }
}

/// One request.
pub(crate) fn request(
    row: &Row,
    builds: &[Row],
    explanation: Option<Explanation>,
    subjects: &Subjects,
    now: Micros,
) -> RequestPage {
    let state = row.text("state");
    let outcome = row.outcome();
    let submitted = row.time("submitted_at");
    let collapsed_into = row.maybe_int("collapsed_into");
    let pending = state == "pending";
    let explanation = explanation.filter(|_| pending);
    let position = explanation.as_ref().and_then(|e| e.position);
    let headline = match (state, outcome, position) {
        (_, Some(outcome), _) => format!("is complete: {outcome}"),
        ("pending", _, Some(n)) => format!("waits, number {n} in the queue"),
        ("pending", _, None) => "waits to be matched".to_owned(),
        ("claimed", _, _) if builds.first().is_some_and(|b| b.outcome().is_none()) => {
            format!("is being built on {}", row.text("worker"))
        }
        ("claimed", _, _) => format!("is offered to {}", row.text("worker")),
        ("collapsed", _, _) => "was folded into a newer request".to_owned(),
        (state, _, _) => format!("is {state}"),
    };
    let starts = explanation.as_ref().and_then(|e| e.starts_in_ms);
    let what_if = explanation.iter().flat_map(|e| &e.what_if);
    let what_if = what_if.map(|tried| sentence(&tried.sentence())).collect();
    let (why, exclusions, locks, remedies) = match explanation {
        Some(e) => (e.summary, e.workers, e.locks, e.remedies),
        None => Default::default(),
    };
    RequestPage {
        id: row.int("id"),
        builder: row.text("builder").to_owned(),
        mark: mark::of_row(row),
        headline,
        why,
        code: code::of_row(row, subjects),
        reason: row.text("reason").to_owned(),
        owner: row.text("owner").to_owned(),
        priority: row.int("priority"),
        pinned: row.text("pinned_worker").to_owned(),
        submitted: submitted.map(|at| ago(at, now)),
        waited: submitted.filter(|_| pending).map(|at| lasts(at, None, now)),
        exclusions: exclusions.into_iter().map(exclusion).collect(),
        locks,
        remedies,
        starts: starts.map(|starts| starts.sentence()).unwrap_or_default(),
        what_if,
        builds: builds.iter().map(|b| line(b, subjects, now)).collect(),
        collapsed_into,
        properties: super::build::properties(row),
        can_cancel: outcome.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;
    use steading_wire::rest::{StartsIn, WhatIf};

    use super::*;

    fn explanation(request_id: i64, verdict: &str) -> Explanation {
        Explanation {
            request_id,
            state: "pending".into(),
            position: Some(1),
            summary: "needs arch = s390x, which no worker has".into(),
            workers: vec![Exclusion {
                predicate: "label_missing".into(),
                text: "lacks arch = s390x".into(),
                remedy: "a worker with arch = s390x".into(),
                workers: (0..6).map(|i| format!("w{i}")).collect(),
            }],
            verdict: verdict.into(),
            locks: vec![],
            remedies: vec![],
            starts_in_ms: (verdict != "never").then_some(StartsIn {
                p50: 150_000,
                p90: 250_000,
                p50_or_later: false,
                p90_or_later: false,
                guess: false,
            }),
            what_if: vec![WhatIf {
                change: "priority 10".into(),
                starts_in_ms: None,
                sooner_ms: Some(0),
            }],
            as_of: 3,
        }
    }

    #[test]
    fn the_queue_names_its_reasons() {
        let row = Row::from_iter([("id", Cell::Int(7)), ("builder", "hello".into())]);
        let check = |verdict, never| {
            let queue = Queue { items: vec![explanation(7, verdict)], total: 3, as_of: 3 };
            let page =
                super::queue(Ok(queue), std::slice::from_ref(&row), &Subjects::new(), Micros(0));
            assert_eq!(page.headline, "Three requests wait, in the order they will start");
            assert_eq!((page.more, page.items[0].never), (2, never));
            let exclusion = &page.items[0].exclusions[0];
            assert_eq!((exclusion.count, exclusion.workers.len(), exclusion.more), (6, 4, 2));
        };
        check("never", true);
        check("waits_for_slot", false);
        let starts = |verdict| {
            waiting(Some(&row), explanation(7, verdict), &Subjects::new(), Micros(0)).starts
        };
        assert_eq!(starts("waits_for_slot"), "2:30 (likely within 4:10)");
        assert_eq!(starts("never"), "");
        let empty = Queue { items: vec![], total: 0, as_of: 3 };
        let page = super::queue(Ok(empty), &[], &Subjects::new(), Micros(0));
        assert_eq!(page.headline, "Nothing waits");
    }

    #[test]
    fn a_request_says_when_it_starts_and_what_would_change_that() {
        let check = |state: &str, starts: &str, what_if: &[&str]| {
            let row = Row::from_iter([("id", Cell::Int(7)), ("state", state.into())]);
            let explanation = Some(explanation(7, "waits_for_slot"));
            let page = request(&row, &[], explanation, &Subjects::new(), Micros(0));
            assert_eq!((page.starts.as_str(), page.what_if.as_slice()), (starts, &*said(what_if)));
        };
        let said_of = "starts in about 2:30 (likely within 4:10)";
        check("pending", said_of, &["With priority 10: no difference"]);
        check("claimed", "", &[]);
    }

    fn said(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn without_the_master_the_queue_is_shown_as_history_knows_it() {
        let row = Row::from_iter([("id", Cell::Int(7)), ("state", "pending".into())]);
        let trouble = Err("the master is stopping".to_owned());
        let page = super::queue(trouble, &[row], &Subjects::new(), Micros(0));
        assert_eq!((page.headline.as_str(), page.items.len()), ("One request waits", 1));
        assert_eq!(page.trouble, "the master is stopping");
    }
}
