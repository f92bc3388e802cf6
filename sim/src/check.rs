//! The checker: fed by the events of history after each step, it compares what the farm says with
//! what the machines really did. It shares no code with the farm; beside it runs the farm's own
//! audit.

use std::collections::{BTreeMap, BTreeSet};

use steading_core::words::{Attempt, Cell, Event, RequestId, Seq};
use steading_store::audit::{Follower, Violation};
use steading_store::{Error, Read, Reader};
use steading_wire::worker::{Ending, ToWorker};

use crate::changes::Changes;
use crate::farm::SOURCE;
use crate::judge::Judge;
use crate::machine::Machine;

/// A request as events tell it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Asked {
    pub(crate) builder: String,
    pub(crate) state: String,
    pub(crate) outcome: String,
    into: Option<i64>,
    /// Outcomes of its builds that are verdicts.
    verdicts: Vec<String>,
}

/// A build as events tell it.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) attempt: Attempt,
    pub(crate) worker: String,
    builder: String,
    pub(crate) outcome: String,
    pub(crate) state: String,
    /// Whether it holds locks.
    pub(crate) locked: bool,
    /// When it began, in milliseconds of the run.
    pub(crate) began_ms: u64,
}

impl Built {
    /// Whether it goes on.
    pub(crate) fn is_live(&self) -> bool {
        self.state != "finished"
    }
}

/// A build that was lost, to be explained.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    pub(crate) build: Built,
    pub(crate) reason: String,
}

/// A log or an artifact as events tell it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Kept {
    pub(crate) build: i64,
    pub(crate) step: i64,
    /// The log's name, or the artifact's path.
    pub(crate) name: String,
    pub(crate) bytes: i64,
    pub(crate) hash: String,
}

impl Kept {
    fn learn(&mut self, event: &Event) {
        let number = |into: &mut i64, field| *into = int(event, field).unwrap_or(*into);
        number(&mut self.build, "build_id");
        number(&mut self.step, "step_id");
        number(&mut self.bytes, "bytes");
        number(&mut self.bytes, "size");
        for field in ["name", "path"] {
            self.name = text(event, field).unwrap_or(std::mem::take(&mut self.name));
        }
        self.hash = text(event, "hash").unwrap_or(std::mem::take(&mut self.hash));
    }
}

/// What it knows.
#[derive(Default)]
pub(crate) struct Checker {
    follower: Follower,
    pub(crate) seq: Seq,
    pub(crate) requests: BTreeMap<i64, Asked>,
    pub(crate) builds: BTreeMap<i64, Built>,
    /// Steps by id: build and number.
    pub(crate) steps: BTreeMap<i64, (i64, i64)>,
    pub(crate) logs: BTreeMap<i64, Kept>,
    pub(crate) artifacts: BTreeMap<i64, Kept>,
    offered: BTreeSet<Attempt>,
    /// Offers that stand, and to whom.
    pub(crate) offers: BTreeMap<i64, String>,
    pub(crate) changes: Changes,
    pub(crate) judge: Judge,
    verdicts: BTreeMap<String, &'static str>,
    pub(crate) found: Vec<String>,
    pub(crate) lost: Vec<Loss>,
}

pub(crate) fn text(event: &Event, field: &str) -> Option<String> {
    match event.delta.get(field) {
        Some(Cell::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

fn int(event: &Event, field: &str) -> Option<i64> {
    match event.delta.get(field) {
        Some(Cell::Int(int)) => Some(*int),
        _ => None,
    }
}

/// What the audit's follower found, and the events it found it in.
fn follow(
    mut follower: Follower,
    seq: Seq,
    r: &Read<'_>,
) -> Result<(Follower, Vec<Violation>, Vec<Event>), Error> {
    let found = follower.follow(r)?;
    Ok((follower, found, r.events(seq, usize::MAX >> 1)?))
}

impl Checker {
    /// A checker for a farm whose builders end so, and whose matches are judged by that.
    pub(crate) fn new(verdicts: BTreeMap<String, &'static str>, judge: Judge) -> Checker {
        Checker { verdicts, judge, ..Checker::default() }
    }

    /// Judges what happened since the last call; gives the new events.
    pub(crate) async fn look(
        &mut self,
        reader: &Reader,
        machines: &[Machine],
        now_ms: u64,
    ) -> Vec<Event> {
        let (follower, seq) = (std::mem::take(&mut self.follower), self.seq);
        let (follower, found, events) = match reader.read(move |r| follow(follower, seq, r)).await {
            Ok(looked) => looked,
            Err(error) => {
                self.found.push(format!("history cannot be read: {error}"));
                return Vec::new();
            }
        };
        self.follower = follower;
        self.found.extend(found.iter().map(ToString::to_string));
        for event in &events {
            self.seq = event.seq;
            self.judge(event, machines, now_ms);
        }
        events
    }

    fn judge(&mut self, event: &Event, machines: &[Machine], now_ms: u64) {
        self.found.extend(self.judge.hear(event));
        match event.noun.as_str() {
            "request" => self.request(event),
            "claim" => {
                if let (Some(request), Some(epoch)) =
                    (int(event, "request_id"), int(event, "epoch"))
                {
                    self.offered.insert(Attempt { request: RequestId(request), epoch });
                }
                if let Some(worker) = text(event, "worker") {
                    self.offers.insert(event.noun_id, worker);
                }
                if text(event, "state").is_some_and(|state| state != "offered") {
                    self.offers.remove(&event.noun_id);
                }
            }
            "build" => self.build(event, now_ms),
            "step" => self.step(event, machines),
            "change" => self.found.extend(self.changes.change(event)),
            "buildset" => self.found.extend(self.changes.buildset(event)),
            "log" => self.logs.entry(event.noun_id).or_default().learn(event),
            "artifact" => self.artifacts.entry(event.noun_id).or_default().learn(event),
            _ => {}
        }
    }

    fn request(&mut self, event: &Event) {
        let asked = self.requests.entry(event.noun_id).or_default();
        if let Some(builder) = text(event, "builder") {
            asked.builder = builder;
        }
        if let (SOURCE, Some(revision)) = (asked.builder.as_str(), text(event, "revision")) {
            self.changes.asked(revision);
        }
        if let Some(into) = event.delta.get("collapsed_into") {
            asked.into = if let Cell::Int(into) = into { Some(*into) } else { None };
        }
        if let Some(outcome) = text(event, "outcome") {
            asked.outcome = outcome;
        }
        let Some(state) = text(event, "state") else { return };
        asked.state = state;
        let asked = asked.clone();
        if asked.state != "complete" {
            return;
        }
        let verdict = match asked.into.and_then(|into| self.requests.get(&into)) {
            Some(survivor) => survivor.verdicts.last().cloned(),
            None => asked.verdicts.last().cloned(),
        };
        let own = ["cancelled", "exception"].contains(&asked.outcome.as_str());
        if verdict.as_deref() != Some(asked.outcome.as_str()) && !own {
            let id = event.noun_id;
            let outcome = asked.outcome;
            self.found.push(format!("request {id} is {outcome}, its build said {verdict:?}"));
        }
    }

    fn build(&mut self, event: &Event, now_ms: u64) {
        let id = event.noun_id;
        if let (Some(request), Some(epoch)) = (int(event, "request_id"), int(event, "epoch")) {
            let attempt = Attempt { request: RequestId(request), epoch };
            let worker = text(event, "worker").unwrap_or_default();
            let builder = text(event, "builder").unwrap_or_default();
            let outcome = String::new();
            let locked = text(event, "locks").is_some_and(|locks| locks != "[]");
            let (state, began_ms) = (String::new(), now_ms);
            let built = Built { attempt, worker, builder, outcome, state, locked, began_ms };
            self.builds.insert(id, built);
        }
        if let (Some(state), Some(build)) = (text(event, "state"), self.builds.get_mut(&id)) {
            build.state = state;
        }
        let Some(outcome) = text(event, "outcome") else { return };
        let Some(build) = self.builds.get_mut(&id) else { return };
        build.outcome.clone_from(&outcome);
        let build = build.clone();
        let asked = self.requests.entry(build.attempt.request.0).or_default();
        if outcome == "retry" || outcome == "exception" {
            let reason = text(event, "outcome_reason").unwrap_or_default();
            self.lost.push(Loss { build, reason });
            return;
        }
        asked.verdicts.push(outcome.clone());
        if asked.verdicts.len() > 1 {
            self.found.push(format!("{}: two verdicts: {:?}", build.attempt, asked.verdicts));
        }
        let expected = self.verdicts.get(&build.builder).copied();
        if outcome != "cancelled" && expected != Some(outcome.as_str()) {
            let text = format!("build {id} of {}: {outcome}, bound to {expected:?}", build.builder);
            self.found.push(text);
        }
    }

    /// A step that ended well or badly did so on its machine, in this attempt.
    fn step(&mut self, event: &Event, machines: &[Machine]) {
        let id = event.noun_id;
        if let (Some(build), Some(number)) = (int(event, "build_id"), int(event, "number")) {
            self.steps.insert(id, (build, number));
        }
        let (Some(outcome), Some((build, number))) = (text(event, "outcome"), self.steps.get(&id))
        else {
            return;
        };
        let Some(build) = self.builds.get(build) else { return };
        let machine = machines.iter().find(|machine| machine.name == build.worker);
        let truth = machine.and_then(|machine| machine.truth.get(&(build.attempt, *number)));
        let ending = truth.and_then(|truth| truth.ending.as_ref());
        let true_to = match outcome.as_str() {
            "success" => matches!(ending, Some(Ending::Exited { code: 0 })),
            "failure" | "warnings" => matches!(ending, Some(Ending::Exited { code: 1.. })),
            _ => true,
        };
        if !true_to {
            let attempt = build.attempt;
            let text = format!("step {number} of {attempt} is {outcome}, and truly {ending:?}");
            self.found.push(text);
        }
    }

    /// I9: what a worker is told is committed already.
    pub(crate) fn told(&mut self, message: &ToWorker) {
        let attempt = match message {
            ToWorker::Offer { attempt, .. } | ToWorker::Run { attempt, .. } => attempt,
            _ => return,
        };
        if !self.offered.contains(attempt) {
            self.found.push(format!("I9: {attempt} was sent before it was committed"));
        }
    }

    /// What the requests that are not complete wait for.
    pub(crate) fn stuck(&self) -> Vec<String> {
        let open = self.requests.iter().filter(|(_, asked)| asked.state != "complete");
        let shown = open.map(|(id, asked)| {
            let builds = self.builds.values().filter(|build| build.attempt.request.0 == *id);
            let builds: Vec<_> = builds.map(|b| (b.attempt.epoch, &b.worker, &b.outcome)).collect();
            format!("request {id} ({}) is {}: {builds:?}", asked.builder, asked.state)
        });
        shown.collect()
    }

    /// Requests that are not complete.
    pub(crate) fn open(&self) -> usize {
        self.requests.values().filter(|asked| asked.state != "complete").count()
    }
}
