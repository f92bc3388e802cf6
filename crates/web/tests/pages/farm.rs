//! A made-up farm with a real store and archive, whose past is told through the store's own
//! operations. Its clock is a number that only moves when told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use serde_json::json;
use steading_core::farm as declared;
use steading_core::words::{
    Access, Attempt, BuildId, ChangeId, ConfigId, Decided, HeldLock, LogId, Micros, Outcome,
    Properties, Property, Reason, RequestId, Seq, SourceStamp, StepId, Value,
};
use steading_frames::Encoder;
use steading_store::archive::Archive;
use steading_store::{
    Acceptance, ConfigurationText, LogEnd, NewArtifact, NewBuildset, NewChange, NewClaim,
    NewRequest, NewStep, Next, Options, Store,
};
use steading_wire::command::{self, Answer, Asked, Command};
use steading_wire::problem::{Code, Problem};
use steading_wire::rest;

/// When the past begins.
const BEGIN: i64 = 1_790_000_000_000_000;
/// The secret a signed-in browser has.
pub(crate) const SECRET: &str = "made-up";

/// The farm.
pub(crate) struct Farm {
    pub(crate) store: Store,
    pub(crate) archive: Archive,
    clock: Arc<AtomicI64>,
    _data: tempfile::TempDir,
    configuration: ConfigId,
    asked: std::sync::Mutex<Option<tokio::sync::mpsc::Receiver<Asked>>>,
    commands: command::Handle,
}

/// A step to be told.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) name: &'static str,
    pub(crate) ms: i64,
    pub(crate) outcome: Option<Outcome>,
    /// What it printed: `!` before what went to stderr.
    pub(crate) lines: Vec<String>,
    pub(crate) why: &'static str,
}

/// A build to be told.
#[derive(Clone)]
pub(crate) struct Past {
    pub(crate) builder: &'static str,
    pub(crate) worker: &'static str,
    pub(crate) change: Option<(ChangeId, String)>,
    pub(crate) waited_ms: i64,
    pub(crate) steps: Vec<Told>,
    /// The names of steps of its plan that it never came to.
    pub(crate) never: &'static [&'static str],
    pub(crate) outcome: Option<Outcome>,
    pub(crate) why: &'static str,
    pub(crate) artifact: Option<(&'static str, &'static [u8])>,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) build: BuildId,
    pub(crate) last_step: Option<StepId>,
    pub(crate) out: Option<LogId>,
    /// How many raw bytes of `out` are stored.
    pub(crate) out_bytes: u64,
}

/// A step that went well.
pub(crate) fn step(name: &'static str, ms: i64, lines: &[&str]) -> Told {
    let lines = lines.iter().map(|l| (*l).to_owned()).collect();
    Told { name, ms, outcome: Some(Outcome::Success), lines, why: "" }
}

impl Told {
    pub(crate) fn ends(mut self, outcome: Outcome, why: &'static str) -> Told {
        (self.outcome, self.why) = (Some(outcome), why);
        self
    }

    pub(crate) fn runs(mut self) -> Told {
        self.outcome = None;
        self
    }
}

impl Past {
    pub(crate) fn of(builder: &'static str, worker: &'static str, steps: Vec<Told>) -> Past {
        let outcome = Some(Outcome::Success);
        let (change, artifact) = (None, None);
        Past {
            builder,
            worker,
            change,
            waited_ms: 1_400,
            steps,
            never: &[],
            outcome,
            why: "",
            artifact,
        }
    }

    pub(crate) fn ends(mut self, outcome: Outcome, why: &'static str) -> Past {
        (self.outcome, self.why) = (Some(outcome), why);
        self
    }

    pub(crate) fn runs(mut self) -> Past {
        self.outcome = None;
        self
    }
}

impl Farm {
    /// An empty farm that declares these builders, with their steps.
    pub(crate) async fn new(builders: &[(&'static str, &[&str])]) -> Farm {
        let data = tempfile::tempdir().expect("a temporary directory");
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let hand = Arc::clone(&clock);
        let now = move || Micros(hand.load(Ordering::SeqCst));
        let store = Store::open(Options::new(data.path(), now)).expect("a fresh store opens");
        let archive = Archive::open(data.path()).expect("a fresh archive opens");
        let farm = farm_of(builders);
        let text = ConfigurationText {
            hash: "0".repeat(64),
            evaluator: "made up".into(),
            files: BTreeMap::from([("farm.star".to_owned(), "# made up".to_owned())]),
        };
        let configuration = store
            .write("configure", move |w| {
                w.add_token(&steading_store::NewToken {
                    name: "browser-made-up".into(),
                    scope: "admin".into(),
                    hash: steading_web::auth::token_hash(SECRET),
                    worker: None,
                    expires_at: None,
                })?;
                w.apply_configuration(&text, &farm)
            })
            .await
            .expect("applies");
        let (commands, asked) = command::channel();
        let asked = std::sync::Mutex::new(Some(asked));
        Farm { store, archive, clock, _data: data, configuration, asked, commands }
    }

    /// Time passes.
    pub(crate) fn later(&self, ms: i64) {
        self.clock.fetch_add(ms * 1000, Ordering::SeqCst);
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Micros {
        Micros(self.clock.load(Ordering::SeqCst))
    }

    /// Moves the whole past so that it ends now, and lets time go on by itself.
    pub(crate) fn run(&self, now: Micros) {
        self.clock.store(now.0, Ordering::SeqCst);
    }

    pub(crate) async fn worker(&self, name: &'static str, slots: i64, os: &'static str) {
        let labels = BTreeMap::from([
            ("os".to_owned(), Value::from(os)),
            ("arch".to_owned(), Value::from("amd64")),
        ]);
        let facts = json!({"kernel": "6.18.2", "cpus": 8, "memory": "31 GiB"});
        let meet = move |w: &mut steading_store::Write<'_>| {
            w.meet_worker(name, slots, &labels)?;
            w.worker_connected(name, "0.1.0", &facts)
        };
        self.store.write("worker", meet).await.expect("connects");
    }

    pub(crate) async fn change(
        &self,
        n: u64,
        message: &'static str,
        files: &[&str],
    ) -> (ChangeId, String) {
        let revision = format!("{:032x}0badcafe", u128::from(n).wrapping_mul(!0 / 7_919));
        let new = NewChange {
            repository: "https://git.example.org/hello.git".into(),
            branch: "main".into(),
            revision: revision.clone(),
            author: "Ann Author <ann@example.org>".into(),
            message: message.into(),
            files: files.iter().map(|f| (*f).to_owned()).collect(),
            commits: None,
            committed_at: self.now(),
        };
        let add = move |w: &mut steading_store::Write<'_>| w.add_change(&new);
        let id = self.store.write("change", add).await.expect("adds").expect("is new");
        (id, revision)
    }

    /// A request that waits.
    pub(crate) async fn submit(
        &self,
        builder: &'static str,
        change: Option<&(ChangeId, String)>,
    ) -> RequestId {
        let stamp = |revision: &String| SourceStamp {
            repository: "https://git.example.org/hello.git".into(),
            branch: "main".into(),
            revision: revision.clone(),
        };
        let channel = Property { value: Value::from("beta"), source: "force".into() };
        let new = NewBuildset {
            fail_fast: false,
            reason: if change.is_some() { "on_change “main”" } else { "forced by ann" }.into(),
            scheduler: change.map(|_| "main".to_owned()),
            owner: if change.is_some() { None } else { Some("ann".into()) },
            stamps: change.map(|(_, revision)| stamp(revision)).into_iter().collect(),
            changes: change.map(|(id, _)| *id).into_iter().collect(),
            configuration_id: self.configuration,
            requests: vec![NewRequest {
                builder: builder.into(),
                priority: 10,
                properties: Properties::from([("channel".to_owned(), channel)]),
                pinned_worker: None,
                start_within: None,
            }],
        };
        let submit = move |w: &mut steading_store::Write<'_>| w.submit_buildset(&new);
        self.store.write("submit", submit).await.expect("submits").requests[0]
    }

    /// Tells a whole build; one whose outcome is open stays where its last step is.
    pub(crate) async fn build(&self, past: Past) -> Made {
        let request = self.submit(past.builder, past.change.as_ref()).await;
        self.later(past.waited_ms);
        let build = self.accept(request, &past).await;
        let mut made = Made { build, last_step: None, out: None, out_bytes: 0 };
        for (number, told) in (1..).zip(past.steps.iter()) {
            if told.outcome == Some(Outcome::Skipped) {
                let (name, reason) = (told.name, Reason::new("condition", told.why));
                let skip = move |w: &mut steading_store::Write<'_>| {
                    w.skip_step(build, number, name, &reason)
                };
                self.store.write("skip", skip).await.expect("skips");
            } else {
                self.step(&mut made, number, told).await;
            }
        }
        if let Some((path, bytes)) = past.artifact {
            self.artifact(&made, path, bytes).await;
        }
        if let Some(outcome) = past.outcome {
            self.finish(build, outcome, past.why).await;
        }
        made
    }

    async fn accept(&self, request: RequestId, past: &Past) -> BuildId {
        let plan_step = |name: &'static str| declared::PlanStep {
            name: name.into(),
            kind: declared::StepKind::Upload { paths: vec![] },
            locks: vec![],
            when: None,
            on_failure: declared::OnFailure::Fail,
            always: false,
        };
        let names = past.steps.iter().map(|told| told.name).chain(past.never.iter().copied());
        let steps = names.map(plan_step).collect();
        let claim = NewClaim {
            request,
            worker: past.worker.into(),
            decided: Decided { seq: Seq(1), at: self.now() },
            locks: vec![],
            deadline: Micros(self.now().0 + 10_000_000),
        };
        let farm = |value: &str| Property { value: Value::from(value), source: "farm".into() };
        let acceptance = Acceptance {
            rerun: Default::default(),
            plan: declared::Plan { steps },
            locks: vec![],
            properties: Properties::from([
                ("builder".to_owned(), farm(past.builder)),
                ("worker".to_owned(), farm(past.worker)),
            ]),
        };
        let accept = move |w: &mut steading_store::Write<'_>| {
            let claim = w.claim(&claim)?;
            assert_eq!(claim.attempt, Attempt { request, epoch: claim.attempt.epoch });
            Ok(w.accept(claim.id, &acceptance)?.id)
        };
        self.store.write("accept", accept).await.expect("accepts")
    }

    async fn step(&self, made: &mut Made, number: i64, told: &Told) {
        let build = made.build;
        let new = NewStep {
            number,
            name: told.name.into(),
            command: json!(["/bin/sh", "-e", "-c", format!("make {}", told.name)]),
            locks: vec![],
        };
        let start = move |w: &mut steading_store::Write<'_>| {
            let step = w.start_step(build, &new)?;
            let [out, err] = ["stdout", "stderr"].map(|name| w.open_log(build, step, name));
            Ok((step, out?, err?))
        };
        let (step, out, err) = self.store.write("step", start).await.expect("starts");
        let from = self.now();
        let closed = told.outcome.is_some();
        let ends = self.print([out, err], told, closed).await;
        self.run(Micros(from.0 + told.ms * 1000));
        (made.last_step, made.out) = (Some(step), Some(out));
        let printed = told.lines.iter().filter(|line| !line.starts_with('!'));
        made.out_bytes = printed.map(|line| line.len() as u64 + 1).sum();
        let Some(outcome) = told.outcome else { return };
        let reason = (!told.why.is_empty()).then(|| Reason::new("exit_code", told.why));
        let code = if outcome == Outcome::Failure { 101 } else { 0 };
        let exit = json!({
            "argv": ["/bin/sh"], "cwd": ".", "code": code, "signal": null,
            "started_at": from, "ended_at": self.now(), "user_ms": told.ms / 2, "system_ms": 31,
            "max_rss_kib": 831_488, "leftovers": [],
        });
        let end = move |w: &mut steading_store::Write<'_>| {
            for (log, end) in [out, err].into_iter().zip(&ends) {
                w.close_log(log, end.as_ref().expect("finished logs are closed"))?;
            }
            w.finish_step(step, outcome, reason.as_ref(), Some(&exit))
        };
        self.store.write("end", end).await.expect("ends");
    }

    /// Prints evenly over the step's time.
    async fn print(&self, logs: [LogId; 2], told: &Told, close: bool) -> [Option<LogEnd>; 2] {
        let mut encoders = [Encoder::new(), Encoder::new()];
        let many = i64::try_from(told.lines.len().max(1)).expect("few lines");
        for (i, line) in (0..).zip(&told.lines) {
            let at = self.now().0 + told.ms * 1000 * i / many;
            let (stream, text) = line.strip_prefix('!').map_or((0, &**line), |text| (1, text));
            for block in encoders[stream].push(at, format!("{text}\n").as_bytes()) {
                self.archive
                    .append(logs[stream], block.raw_offset, block.encoded)
                    .await
                    .expect("ok");
            }
        }
        let mut ends = [None, None];
        for ((log, encoder), end) in logs.into_iter().zip(encoders).zip(&mut ends) {
            if !close {
                let (bytes, offset) = encoder.pending();
                self.archive.tail(log, offset, self.now(), bytes);
                continue;
            }
            let (block, trailer, summary) = encoder.finish();
            if let Some(block) = block {
                self.archive.append(log, block.raw_offset, block.encoded).await.expect("stored");
            }
            self.archive.close(log, trailer.encoded).await.expect("closes");
            let signed = |n: u64| i64::try_from(n).expect("small");
            let (bytes, lines) = (signed(summary.bytes), signed(summary.lines));
            *end = Some(LogEnd { bytes, lines, hash: summary.hash });
        }
        ends
    }

    async fn artifact(&self, made: &Made, path: &str, bytes: &'static [u8]) {
        let mut writer = self.archive.artifact_writer(1 << 20).expect("a writer");
        writer.write(bytes).await.expect("writes");
        let stored = writer.commit(None).await.expect("commits");
        let new = NewArtifact {
            build: made.build,
            step: made.last_step.expect("a step left it"),
            path: path.into(),
            size: i64::try_from(bytes.len()).expect("small"),
            hash: stored.hash,
        };
        let add = move |w: &mut steading_store::Write<'_>| w.add_artifact(&new);
        self.store.write("artifact", add).await.expect("adds");
    }

    async fn finish(&self, build: BuildId, outcome: Outcome, why: &'static str) {
        let cancelled = outcome == Outcome::Cancelled;
        let cancel = move |w: &mut steading_store::Write<'_>| {
            if cancelled {
                w.cancel_build(build, "ann", why)?;
            }
            w.end_steps(build)
        };
        self.store.write("end steps", cancel).await.expect("ends");
        self.later(120);
        let reason = (!why.is_empty()).then(|| Reason::new("step_failed", why));
        let next = if outcome == Outcome::Retry { Next::Retry } else { Next::Complete };
        let finish = move |w: &mut steading_store::Write<'_>| {
            w.finish_build(build, outcome, reason.as_ref(), next)
        };
        self.store.write("finish", finish).await.expect("finishes");
    }

    /// The routes of the farm's web, answered by a made-up master.
    pub(crate) fn web(&self, bound: SocketAddr) -> Router {
        if let Some(asked) = self.asked.lock().expect("not poisoned").take() {
            tokio::spawn(answer(asked, self.store.clone()));
        }
        steading_web::routes(steading_web::State::new(steading_web::Options {
            store: self.store.clone(),
            archive: self.archive.clone(),
            commands: self.commands.clone(),
            version: "0.1.0",
            bound,
            allowed_hosts: vec![],
            stopping: Default::default(),
        }))
    }
}

fn farm_of(builders: &[(&'static str, &[&str])]) -> declared::Farm {
    let builder = |(name, steps): &(&'static str, &[&str])| {
        let step = |step: &&str| declared::PlanStep {
            name: (*step).into(),
            kind: declared::StepKind::Upload { paths: vec![] },
            locks: vec![],
            when: None,
            on_failure: declared::OnFailure::Fail,
            always: false,
        };
        let builder = declared::Builder {
            name: (*name).into(),
            requires: BTreeMap::from([("os".to_owned(), Value::from("linux"))]),
            workers: vec![],
            locks: vec![HeldLock { lock: "gpu".into(), access: Access::Counting(1) }],
            plan: declared::Plan { steps: steps.iter().map(step).collect() },
            ..declared::Builder::default()
        };
        ((*name).to_owned(), builder)
    };
    let names: Vec<String> = builders.iter().map(|(name, _)| (*name).to_owned()).collect();
    let gpu = declared::Lock {
        name: "gpu".into(),
        per_worker: false,
        capacity: declared::LockCapacity::Units(2),
    };
    let channel = declared::Param {
        name: "channel".into(),
        kind: declared::ParamKind::Choice(vec!["beta".into(), "stable".into()]),
        default: None,
    };
    let notes =
        declared::Param { name: "notes".into(), kind: declared::ParamKind::Text, default: None };
    let force = declared::Force {
        builders: names.clone(),
        params: vec![channel, notes],
        ..declared::Force::default()
    };
    let on = declared::OnChange {
        repository: "https://git.example.org/hello.git".into(),
        builders: names,
        branches: vec!["main".into()],
        files: vec!["src/**".into()],
        quiet: steading_core::words::Duration::seconds(10),
        max_wait: steading_core::words::Duration::seconds(100),
        priority: 10,
        ..declared::OnChange::default()
    };
    declared::Farm {
        builders: builders.iter().map(builder).collect(),
        locks: BTreeMap::from([("gpu".to_owned(), gpu)]),
        schedulers: BTreeMap::from([
            ("main".to_owned(), declared::Scheduler::OnChange(on)),
            ("release".to_owned(), declared::Scheduler::Force(force)),
        ]),
        ..declared::Farm::default()
    }
}

/// A master that explains everything the same way and does nothing.
async fn answer(mut asked: tokio::sync::mpsc::Receiver<Asked>, store: Store) {
    while let Some(Asked { command, reply, .. }) = asked.recv().await {
        let answer = match command {
            Command::Queue { .. } => {
                let pending = store.read(|r| r.pending()).await.expect("reads");
                let total = i64::try_from(pending.len()).expect("few");
                let items = (1..).zip(&pending).map(|(n, r)| explained(r.id.0, n)).collect();
                Ok(Answer::Queue(rest::Queue { items, total, as_of: 1 }))
            }
            Command::Explain { request } => Ok(Answer::Explanation(explained(request.0, 1))),
            Command::Force { builder, .. } => Ok(Answer::Submitted(rest::Submitted {
                buildset_id: 1,
                requests: BTreeMap::from([(builder, 1)]),
            })),
            Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Drain { .. }
            | Command::CancelBuild { .. }
            | Command::Prioritize { .. } => Ok(Answer::Done),
            _ => Err(Problem::new(Code::Conflict, "this master only looks like one")),
        };
        let _ = reply.send(answer);
    }
}

fn explained(request: i64, position: i64) -> rest::Explanation {
    let (summary, verdict) = match position % 3 {
        1 => (
            "lock gpu is held by hello-stable/9; nothing else stands in the way",
            "waits_for_locks",
        ),
        2 => ("every worker that could run it is busy", "waits_for_slot"),
        _ => ("no worker can ever run it: none has arch = s390x", "never"),
    };
    let excluded = |predicate: &str, text: &str, remedy: &str, workers: &[&str]| rest::Exclusion {
        predicate: predicate.into(),
        text: text.into(),
        remedy: remedy.into(),
        workers: workers.iter().map(|w| (*w).to_owned()).collect(),
    };
    let starts = rest::StartsIn {
        p50: 150_000,
        p90: 250_000,
        p50_or_later: false,
        p90_or_later: false,
        guess: false,
    };
    let what_if = |change: &str, sooner: i64| rest::WhatIf {
        change: change.into(),
        starts_in_ms: Some(rest::StartsIn { p50: starts.p50 - sooner, ..starts }),
        sooner_ms: Some(sooner),
    };
    rest::Explanation {
        request_id: request,
        state: "pending".into(),
        position: Some(position),
        summary: summary.into(),
        verdict: verdict.into(),
        workers: vec![
            excluded("no_free_slot", "have no free slot", "a build on one ends", &["barn", "byre"]),
            excluded("paused", "is paused by ann", "steading resume loft", &["loft"]),
        ],
        locks: vec![rest::LockWait {
            lock: "gpu".into(),
            worker: None,
            capacity: 2,
            grantable: false,
            holders: vec!["hello-stable/9".into()],
            reserved_for: vec![],
        }],
        remedies: vec!["hello-stable/9 ends".into(), "gpu gets more units".into()],
        starts_in_ms: (verdict != "never").then_some(starts),
        what_if: vec![what_if("one more worker like barn", 40_000), what_if("priority 10", 0)],
        as_of: 1,
    }
}
