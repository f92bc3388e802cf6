//! The recent past as demand and workers: what a replay runs again.
//!
//! What happened in a stretch is found through its events, which are numbered by time; what stood
//! when it began follows from them and from what stands now.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;
use steading_core::farm::RequestView;
use steading_core::matcher::NotNow;
use steading_core::replay::{Length, PastWorker};
use steading_core::words::{
    Cell, ConfigId, Delta, Duration, Event, EventKind, HeldLock, Micros, Outcome, Reason,
    RequestId, Worker, WorkerState,
};

use super::event::event;
use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

/// Events read at once.
const EVENTS_AT_ONCE: i64 = 10_000;
/// How many builds a learned duration looks back at.
const LEARNED_OF: i64 = 11;

statements! {
    MOMENT = "SELECT at FROM event WHERE seq = ?1";
    EVENTS = "SELECT seq, at, kind, version, noun, noun_id, delta FROM event \
        WHERE seq >= ?1 AND noun IN ('request', 'worker') ORDER BY seq LIMIT ?2";
    OPEN = "SELECT id FROM request WHERE state IN ('pending', 'claimed') ORDER BY id";
    REQUEST = "SELECT request.id AS id, request.builder AS builder, request.priority AS priority, \
        request.repository AS repository, request.branch AS branch, request.revision AS revision, \
        request.properties AS properties, request.owner AS owner, request.reason AS reason, \
        request.pinned_worker AS pinned_worker, request.collapsed_into AS collapsed_into, \
        request.configuration_id AS configuration_id, request.submitted_at AS submitted_at, \
        request.start_by AS start_by, \
        request.complete_at AS complete_at, build.outcome AS outcome, build.worker AS worker, \
        build.locks AS locks, build.started_at AS started_at, \
        build.steps_ended_at AS steps_ended_at, build.finished_at AS finished_at \
        FROM request LEFT JOIN build ON build.id = request.build_id WHERE request.id = ?1";
    NAMES = "SELECT id, name FROM worker ORDER BY name";
    LAST_BUILDER = "SELECT builder FROM build WHERE worker = ?1 AND started_at < ?2 \
        ORDER BY id DESC LIMIT 1";
    GREEN = "SELECT started_at, steps_ended_at, finished_at FROM build \
        WHERE builder = ?1 AND outcome IN ('success', 'warnings') ORDER BY number DESC LIMIT ?2";
    FINISHED = "SELECT started_at, steps_ended_at, finished_at FROM build \
        WHERE builder = ?1 AND finished_at IS NOT NULL ORDER BY number DESC LIMIT ?2";
    ANY = "SELECT started_at, steps_ended_at, finished_at FROM build \
        WHERE finished_at IS NOT NULL ORDER BY started_at DESC, id DESC LIMIT ?1";
}

/// A stretch of history that ends with its newest event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Where it begins: never before the oldest event that is kept.
    pub since: Micros,
    /// The time of the newest event.
    pub until: Micros,
    /// Every request that was submitted in it, waited or ran when it began; by id.
    pub requests: Vec<PastRequest>,
    /// Every worker the farm has met, with the slots and labels it has now.
    pub workers: BTreeMap<String, PastWorker>,
    /// How long builds take, for each builder of a request without a finished build: the median of
    /// its newest green ones, else of all its newest ones, else of the farm's.
    pub learned: BTreeMap<String, Length>,
}

/// A request, as it was when it was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRequest {
    /// When it was there to be matched: at its submit, or when the stretch begins.
    pub at: Micros,
    /// What policies saw of it.
    pub view: RequestView,
    /// The only worker that may build it.
    pub pinned: Option<String>,
    /// The configuration it began with.
    pub configuration_id: ConfigId,
    /// The priorities it was given later.
    pub priorities: Vec<(Micros, i64)>,
    /// When it completed, if it did so without having been built.
    pub withdrawn_at: Option<Micros>,
    /// Its last build, unless that was to be repeated.
    pub build: Option<PastBuild>,
}

/// The build a request ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastBuild {
    /// Where it ran.
    pub worker: String,
    /// When it was accepted.
    pub started_at: Micros,
    /// The locks it held.
    pub locks: Vec<HeldLock>,
    /// How long it took; none while it runs.
    pub length: Option<Length>,
}

/// What the events of a stretch say.
#[derive(Debug, Default)]
struct Told {
    touched: BTreeSet<RequestId>,
    submitted: BTreeMap<RequestId, Submitted>,
    priorities: BTreeMap<RequestId, Vec<(Micros, i64)>>,
    collapsed: BTreeSet<RequestId>,
    workers: BTreeMap<i64, Vec<Event>>,
}

#[derive(Debug, Clone, Copy)]
struct Submitted {
    at: Micros,
    priority: i64,
}

impl Read<'_> {
    /// The newest stretch of history of that length; `None` when nothing ever happened.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn past(&self, span: Duration) -> Result<Option<Past>, Error> {
        let Some(oldest) = self.oldest_event()? else { return Ok(None) };
        let newest = self.newest_seq()?;
        let until = self.moment(newest.0)?;
        let wanted = Micros(until.0.saturating_sub(span.0.saturating_mul(1000)));
        let since = wanted.max(self.moment(oldest.0)?);
        let mut told = Told::default();
        let mut seq = self.first_at(since, (oldest.0, newest.0))?;
        loop {
            let events = self.rows(EVENTS, (seq, EVENTS_AT_ONCE), event)?;
            let Some(last) = events.last() else { break };
            seq = last.seq.0 + 1;
            events.into_iter().for_each(|event| told.note(event));
        }
        let open = self.rows(OPEN, [], |row| Ok(RequestId(row.get("id")?)))?;
        told.touched.extend(open);
        let requests = self.past_requests(since, &mut told)?;
        let workers = self.past_workers(since, told.workers)?;
        let learned = self.learned(&requests)?;
        Ok(Some(Past { since, until, requests, workers, learned }))
    }

    fn moment(&self, seq: i64) -> Result<Micros, Error> {
        Ok(Micros(self.int(MOMENT, [seq])?))
    }

    /// The first event that is not before that time, among these.
    fn first_at(&self, since: Micros, (mut low, mut high): (i64, i64)) -> Result<i64, Error> {
        while low < high {
            let middle = low + (high - low) / 2;
            if self.moment(middle)? < since {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn past_requests(&self, since: Micros, told: &mut Told) -> Result<Vec<PastRequest>, Error> {
        let mut requests = Vec::new();
        for id in std::mem::take(&mut told.touched) {
            let found = self.row(REQUEST, [id.0], |row| request(row, since))?;
            let Some((mut request, folded)) = found else { continue };
            match told.submitted.get(&id) {
                // A survivor inherits priority and submit time: this is what it came with.
                Some(submitted) => {
                    (request.at, request.view.submitted_at) = (submitted.at, submitted.at);
                    request.view.priority = submitted.priority;
                    request.priorities = told.priorities.remove(&id).unwrap_or_default();
                }
                None if folded && !told.collapsed.contains(&id) => continue,
                None => {}
            }
            let before = request.build.as_ref().filter(|build| build.started_at < since);
            let over = |build: &PastBuild| {
                build.length.is_some_and(|l| build.started_at.plus(l.slot) <= since)
            };
            if before.is_none_or(|build| !over(build)) {
                requests.push(request);
            }
        }
        Ok(requests)
    }

    fn past_workers(
        &self,
        since: Micros,
        mut events: BTreeMap<i64, Vec<Event>>,
    ) -> Result<BTreeMap<String, PastWorker>, Error> {
        let names = self
            .rows(NAMES, [], |row| Ok((row.get::<_, i64>("id")?, row.get::<_, String>("name")?)))?;
        let mut workers = BTreeMap::new();
        for (id, name) in names {
            let Some(now) = self.worker(&name)? else { continue };
            let last: Option<String> =
                self.row(LAST_BUILDER, (&name, since.0), |row| Ok(row.get("builder")?))?;
            let worker = worker(now, since, last, &events.remove(&id).unwrap_or_default());
            workers.insert(name, worker);
        }
        Ok(workers)
    }

    fn learned(&self, requests: &[PastRequest]) -> Result<BTreeMap<String, Length>, Error> {
        let mut learned = BTreeMap::new();
        let built = |r: &&PastRequest| r.build.as_ref().is_some_and(|b| b.length.is_some());
        for request in requests.iter().filter(|r| !built(r)) {
            let builder = request.view.builder.as_str();
            if learned.contains_key(builder) {
                continue;
            }
            let lengths = self.rows(GREEN, (builder, LEARNED_OF), recorded)?;
            let found = match median(lengths) {
                Some(length) => Some(length),
                None => median(self.rows(FINISHED, (builder, LEARNED_OF), recorded)?),
            };
            let found = match found {
                Some(length) => Some(length),
                None => median(self.rows(ANY, [LEARNED_OF], recorded)?),
            };
            learned.extend(found.map(|length| (builder.to_owned(), length)));
        }
        Ok(learned)
    }
}

impl Told {
    fn note(&mut self, event: Event) {
        if event.noun == "worker" {
            return self.workers.entry(event.noun_id).or_default().push(event);
        }
        let id = RequestId(event.noun_id);
        self.touched.insert(id);
        let is = |kind: EventKind| event.kind == kind.word();
        let priority = int(&event.delta, "priority");
        match priority {
            Some(priority) if is(EventKind::RequestSubmitted) => {
                self.submitted.insert(id, Submitted { at: event.at, priority });
            }
            // A survivor inherits its submit time with its priority: the replay does that itself.
            Some(priority)
                if is(EventKind::RequestPrioritized)
                    && !event.delta.contains_key("submitted_at") =>
            {
                self.priorities.entry(id).or_default().push((event.at, priority));
            }
            _ if is(EventKind::RequestCollapsed) => {
                self.collapsed.insert(id);
            }
            _ => {}
        }
    }
}

/// What of a worker decides whether it takes builds.
#[derive(Debug, Clone)]
struct Standing {
    state: WorkerState,
    draining: bool,
    /// By whom and why.
    paused: Option<(String, String)>,
    /// Until when it is in quarantine, and why. That it takes one build at a time afterwards is not
    /// told.
    quarantine: Option<(Micros, String)>,
    /// What it found itself to take nothing for.
    trouble: Option<String>,
}

impl Standing {
    fn accepting(&self, at: Micros) -> Result<(), NotNow> {
        if let Some((by, why)) = self.paused.clone() {
            return Err(NotNow::Paused { by, why });
        }
        match self.state {
            _ if self.draining => Err(NotNow::Draining),
            WorkerState::Offline => Err(NotNow::Offline),
            WorkerState::Resetting => Err(NotNow::Resetting),
            WorkerState::Ready => match (&self.trouble, &self.quarantine) {
                (Some(why), _) => Err(NotNow::Troubled { why: why.clone() }),
                (None, Some((until, why))) if *until > at => {
                    Err(NotNow::Quarantined { why: why.clone() })
                }
                _ => Ok(()),
            },
        }
    }

    /// How it stood before these events: where one of them changes a thing, it was otherwise.
    fn before(now: &Worker, events: &[Event]) -> Standing {
        let first = |field: &str| events.iter().find_map(|event| event.delta.get(field));
        if events.first().is_some_and(|e| e.kind == EventKind::WorkerAdded.word()) {
            let state = WorkerState::Offline;
            let (paused, quarantine, trouble) = (None, None, None);
            return Standing { state, draining: false, paused, quarantine, trouble };
        }
        let state = match first("state") {
            Some(Cell::Text(word)) if word == WorkerState::Ready.word() => WorkerState::Offline,
            Some(_) => WorkerState::Ready,
            None => now.state,
        };
        let draining = match first("draining") {
            Some(cell) => *cell == Cell::Int(0),
            None => now.draining,
        };
        let why = now.paused_why.clone().unwrap_or_default();
        let paused = match first("paused_by") {
            Some(Cell::Null) => Some(("somebody".to_owned(), String::new())),
            Some(_) => None,
            None => now.paused_by.clone().map(|by| (by, why)),
        };
        // What ended was a quarantine, or the time with one build at a time after it.
        let quarantine = match first("quarantined_until") {
            Some(_) => None,
            None => now.quarantine.clone().map(|it| (it.until, it.why)),
        };
        let trouble = match first("troubles") {
            Some(Cell::Null) => Some("it had a trouble of its own".to_owned()),
            Some(_) => None,
            None => now.troubles.first().map(|trouble| trouble.text.clone()),
        };
        Standing { state, draining, paused, quarantine, trouble }
    }

    fn apply(&mut self, delta: &Delta) {
        let text = |field: &str| match delta.get(field) {
            Some(Cell::Text(text)) => Some(text.clone()),
            _ => None,
        };
        if let Some(state) = text("state").and_then(|word| WorkerState::from_word(&word)) {
            self.state = state;
        }
        if let Some(draining) = int(delta, "draining") {
            self.draining = draining != 0;
        }
        if delta.contains_key("paused_by") {
            let why = text("paused_why").unwrap_or_default();
            self.paused = text("paused_by").map(|by| (by, why));
        }
        if delta.contains_key("troubles") {
            let troubles = text("troubles").unwrap_or_default();
            let troubles: Vec<Reason> = serde_json::from_str(&troubles).unwrap_or_default();
            self.trouble = troubles.into_iter().next().map(|trouble| trouble.text);
        }
        if delta.contains_key("quarantined_until") {
            let why = text("quarantined_why").unwrap_or_default();
            self.quarantine = int(delta, "quarantined_until").map(|until| (Micros(until), why));
        }
    }
}

fn worker(now: Worker, since: Micros, last: Option<String>, events: &[Event]) -> PastWorker {
    let mut standing = Standing::before(&now, events);
    let accepting = standing.accepting(since);
    let (mut before, mut changes) = (accepting.clone(), Vec::new());
    let mut note = |at: Micros, standing: &Standing| {
        let accepting = standing.accepting(at);
        if accepting != before {
            changes.push((at, accepting.clone()));
            before = accepting;
        }
    };
    for event in events {
        // A quarantine ends by itself: no event says so.
        if let Some((until, _)) = standing.quarantine.clone().filter(|(at, _)| *at <= event.at) {
            note(until, &standing);
        }
        standing.apply(&event.delta);
        note(event.at, &standing);
    }
    if let Some((until, _)) = standing.quarantine.clone() {
        note(until, &standing);
    }
    let last_builder = last.unwrap_or_default();
    PastWorker { slots: now.slots, labels: now.labels, last_builder, accepting, changes }
}

fn int(delta: &Delta, field: &str) -> Option<i64> {
    match delta.get(field) {
        Some(Cell::Int(n)) => Some(*n),
        _ => None,
    }
}

/// A request with its last build, and whether it was folded into another.
fn request(row: &Row<'_>, since: Micros) -> Result<(PastRequest, bool), Error> {
    let view = parse::request_view(row)?;
    let folded = row.get::<_, Option<i64>>("collapsed_into")?.is_some();
    let build = if parse::outcome(row)? == Some(Outcome::Retry) { None } else { build(row)? };
    let complete_at = parse::time(row, "complete_at")?;
    let request = PastRequest {
        at: since,
        view,
        pinned: row.get("pinned_worker")?,
        configuration_id: ConfigId(row.get("configuration_id")?),
        priorities: Vec::new(),
        withdrawn_at: complete_at.filter(|_| build.is_none() && !folded),
        build,
    };
    Ok((request, folded))
}

fn build(row: &Row<'_>) -> Result<Option<PastBuild>, Error> {
    let Some(worker) = row.get::<_, Option<String>>("worker")? else { return Ok(None) };
    let finished = parse::time(row, "finished_at")?;
    Ok(Some(PastBuild {
        worker,
        started_at: Micros(row.get("started_at")?),
        locks: parse::json(row, "locks")?,
        length: finished.map(|_| recorded(row)).transpose()?,
    }))
}

fn recorded(row: &Row<'_>) -> Result<Length, Error> {
    let (started, finished) = (Micros(row.get("started_at")?), Micros(row.get("finished_at")?));
    let steps_ended = parse::time(row, "steps_ended_at")?.unwrap_or(finished);
    Ok(Length { locks: steps_ended.since(started), slot: finished.since(started) })
}

/// Half of them took no longer; of locks and slots by themselves.
fn median(lengths: Vec<Length>) -> Option<Length> {
    let middle = |of: fn(&Length) -> Duration| {
        let mut all: Vec<Duration> = lengths.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    };
    Some(Length { locks: middle(|l| l.locks)?, slot: middle(|l| l.slot)? })
}
