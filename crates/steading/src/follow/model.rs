//! What is known of the followed requests: rows of history, with events folded over them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use steading_core::words::{Duration, Micros, Outcome};

use crate::exit::Exit;
use crate::output;

type Row = Map<String, Value>;

/// A followed request and its newest build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// The request.
    pub(crate) row: Row,
    /// Its newest build, once it has one.
    pub(crate) build: Option<Row>,
    /// How long builds of its builder usually take.
    pub(crate) usual: Option<Duration>,
}

impl Request {
    /// Whether it has its outcome.
    pub(crate) fn is_complete(&self) -> bool {
        self.row.get("state").and_then(Value::as_str) == Some("complete")
    }

    /// How it ended, once it has.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.row.get("outcome").and_then(Value::as_str).and_then(Outcome::from_word)
    }

    /// `hello/17`, or `hello` before it has a build.
    pub(crate) fn label(&self) -> String {
        self.build.as_ref().map_or_else(|| output::text(&self.row, "builder"), label)
    }

    /// How long its build has run by now, or ran.
    pub(crate) fn took(&self, now: Micros) -> String {
        let took = |build| output::took(build, "started_at", "finished_at", now);
        self.build.as_ref().map(took).unwrap_or_default()
    }
}

/// `hello/17`.
pub(crate) fn label(build: &Row) -> String {
    format!("{}/{}", output::text(build, "builder"), output::text(build, "number"))
}

/// Something worth saying, and about which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// The request.
    pub(crate) request: i64,
    /// The line that says it.
    pub(crate) text: String,
}

/// Every followed request, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// The requests.
    pub(crate) requests: BTreeMap<i64, Request>,
    steps: BTreeMap<i64, Row>,
}

impl Model {
    /// Takes a request as history shows it.
    pub(crate) fn put_request(&mut self, row: Row) {
        if let Some(id) = int(&row, "id") {
            self.requests.entry(id).or_default().row = row;
        }
    }

    /// Takes a build of a followed request; an older attempt never replaces a newer one.
    pub(crate) fn put_build(&mut self, row: Row) {
        let request = int(&row, "request_id").and_then(|id| self.requests.get_mut(&id));
        let Some(request) = request else { return };
        let newest = request.build.as_ref().and_then(|build| int(build, "id"));
        if newest <= int(&row, "id") {
            request.build = Some(row);
        }
    }

    /// Takes a step of a build.
    pub(crate) fn put_step(&mut self, row: Row) {
        if let Some(id) = int(&row, "id") {
            self.steps.insert(id, row);
        }
    }

    /// Remembers how long builds of a builder usually take.
    pub(crate) fn put_usual(&mut self, builder: &str, usual: Option<Duration>) {
        for request in self.requests.values_mut() {
            if output::text(&request.row, "builder") == builder {
                request.usual = usual;
            }
        }
    }

    /// The builders of the requests, each once.
    pub(crate) fn builders(&self) -> Vec<String> {
        let names = self.requests.values().map(|r| output::text(&r.row, "builder"));
        let names: std::collections::BTreeSet<String> = names.collect();
        names.into_iter().collect()
    }

    /// Whether every request has its outcome.
    pub(crate) fn is_complete(&self) -> bool {
        self.requests.values().all(Request::is_complete)
    }

    /// The verdict over all.
    pub(crate) fn exit(&self) -> Exit {
        let of = |r: &Request| r.outcome().map_or(Exit::Infrastructure, Exit::of);
        Exit::worst(self.requests.values().map(of))
    }

    /// Folds an event; says what is new.
    pub(crate) fn apply(&mut self, event: &Value) -> Option<News> {
        let (id, delta) = (event.get("id")?.as_i64()?, event.get("delta")?.as_object()?);
        let kind = event.get("kind")?.as_str()?;
        match event.get("noun")?.as_str()? {
            "request" => self.apply_request(id, kind, delta),
            "build" => self.apply_build(id, kind, delta),
            "step" => self.apply_step(id, kind, delta),
            _ => None,
        }
    }

    fn apply_request(&mut self, id: i64, kind: &str, delta: &Row) -> Option<News> {
        let request = self.requests.get_mut(&id)?;
        request.row.extend(delta.clone());
        let text = match kind {
            "request.completed" if request.build.is_none() => {
                let look = output::look(output::state_of(&request.row));
                format!("{} {}", look.text(), output::text(&request.row, "outcome_reason"))
            }
            "request.collapsed" => {
                format!("folded into request {}", output::text(&request.row, "collapsed_into"))
            }
            "request.returned" => "goes back to the queue".to_owned(),
            _ => return None,
        };
        Some(said(id, &request.label(), text.trim_end()))
    }

    fn apply_build(&mut self, id: i64, kind: &str, delta: &Row) -> Option<News> {
        if delta.contains_key("request_id") {
            self.put_build(delta.clone());
        }
        let is = |r: &Request| r.build.as_ref().and_then(|b| int(b, "id")) == Some(id);
        let (key, request) = self.requests.iter_mut().find(|(_, r)| is(r))?;
        let (key, label) = (*key, request.label());
        let build = request.build.as_mut()?;
        build.extend(delta.clone());
        let text = match kind {
            "build.started" => format!("started on {}", output::text(build, "worker")),
            "build.cancelling" => "is being cancelled".to_owned(),
            "build.finished" => finished(build),
            _ => return None,
        };
        Some(said(key, &label, &text))
    }

    fn apply_step(&mut self, id: i64, kind: &str, delta: &Row) -> Option<News> {
        let step = self.steps.entry(id).or_default();
        step.extend(delta.clone());
        let build_id = int(step, "build_id")?;
        let is = |r: &&Request| r.build.as_ref().and_then(|b| int(b, "id")) == Some(build_id);
        let request = self.requests.values().find(is)?;
        if kind != "step.finished" {
            return None;
        }
        let at = output::time(step, "started_at").unwrap_or_default();
        let took = output::took(step, "started_at", "finished_at", at);
        let look = output::look(output::state_of(step));
        let text = format!("{} {}  {took}", look.text(), output::text(step, "name"));
        Some(said(int(&request.row, "id")?, &request.label(), text.trim_end()))
    }
}

/// How a build ended, and why if that is not plain.
fn finished(build: &Row) -> String {
    let at = output::time(build, "started_at").unwrap_or_default();
    let took = output::took(build, "started_at", "finished_at", at);
    let look = output::look(output::state_of(build));
    let why = output::text(build, "outcome_reason");
    let colon = if why.is_empty() { "" } else { ": " };
    format!("{} after {took}{colon}{why}", look.text())
}

fn said(request: i64, label: &str, text: &str) -> News {
    News { request, text: format!("{label}  {text}") }
}

pub(super) fn int(row: &Row, field: &str) -> Option<i64> {
    row.get(field).and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, id: i64, delta: Value) -> Value {
        let noun = kind.split('.').next().unwrap_or_default();
        json!({"seq": 1, "kind": kind, "noun": noun, "id": id, "delta": delta})
    }

    fn row(value: Value) -> Row {
        value.as_object().expect("an object").clone()
    }

    fn model() -> Model {
        let mut model = Model::default();
        let request = json!({"id": 5, "builder": "hello", "state": "pending", "outcome": null});
        model.put_request(row(request));
        model
    }

    #[test]
    fn a_build_is_told_from_start_to_verdict() {
        let mut model = model();
        let start = "2026-01-01T00:00:00.000000Z";
        let end = "2026-01-01T00:00:02.500000Z";
        let events = [
            event("request.claimed", 5, json!({"state": "claimed"})),
            event(
                "build.started",
                9,
                json!({"id": 9, "builder": "hello", "number": 2, "request_id": 5,
                       "worker": "barn", "state": "running", "started_at": start}),
            ),
            event(
                "step.started",
                3,
                json!({"id": 3, "build_id": 9, "name": "test", "started_at": start}),
            ),
            event(
                "step.finished",
                3,
                json!({"state": "finished", "outcome": "failure", "finished_at": end}),
            ),
            event("log.opened", 1, json!({"id": 1})),
            event(
                "build.finished",
                9,
                json!({"state": "finished", "outcome": "failure", "finished_at": end,
                       "outcome_reason": {"code": "exit_code", "text": "test exited with 1"}}),
            ),
            event("request.completed", 5, json!({"state": "complete", "outcome": "failure"})),
        ];
        let told: Vec<String> =
            events.iter().filter_map(|e| model.apply(e)).map(|n| n.text).collect();
        assert_eq!(
            told,
            [
                "hello/2  started on barn",
                "hello/2  ✗ failure test  2.5 s",
                "hello/2  ✗ failure after 2.5 s: test exited with 1",
            ]
        );
        assert!(model.is_complete());
        assert_eq!(model.exit(), Exit::Red);
    }

    #[test]
    fn a_request_cancelled_in_the_queue_says_so() {
        let mut model = model();
        let delta = json!({"state": "complete", "outcome": "cancelled",
                           "outcome_reason": {"code": "cancelled", "text": "eve: wrong branch"}});
        let news = model.apply(&event("request.completed", 5, delta)).expect("news");
        assert_eq!(news.text, "hello  ⊘ cancelled eve: wrong branch");
        assert_eq!(model.exit(), Exit::Cancelled);
    }

    #[test]
    fn others_are_no_news() {
        let mut model = model();
        assert_eq!(model.apply(&event("request.completed", 6, json!({"state": "complete"}))), None);
        let other = json!({"id": 8, "request_id": 6, "builder": "x", "number": 1});
        assert_eq!(model.apply(&event("build.started", 8, other)), None);
        assert!(!model.is_complete());
    }

    #[test]
    fn an_older_attempt_never_replaces_a_newer_one() {
        let mut model = model();
        let build =
            |id: i64| row(json!({"id": id, "request_id": 5, "builder": "hello", "number": id}));
        for id in [9, 4, 11] {
            model.put_build(build(id));
        }
        assert_eq!(model.requests[&5].label(), "hello/11");
    }
}
