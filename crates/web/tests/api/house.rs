//! A farm's house to ask questions of: store and archive in a temporary directory, the router, and
//! a stand-in for the master that does what tokens need and remembers what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use steading_core::farm::{Builder, Farm, Plan};
use steading_core::words::{
    BuildId, ClaimId, ConfigId, Decided, LogId, Micros, Outcome, RequestId, Seq, SourceStamp,
    StepId,
};
use steading_store::archive::Archive;
use steading_store::{
    Acceptance, ConfigurationText, Error, LogEnd, NewArtifact, NewBuildset, NewClaim, NewRequest,
    NewStep, NewToken, Next, Options as StoreOptions, Store, Write,
};
use steading_web::{Options, State, auth};
use steading_wire::command::{self, Answer, Asked, Command};
use steading_wire::problem::{Code, Problem};
use steading_wire::rest;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub(crate) const HOME: &str = "127.0.0.1:50000";
pub(crate) const ABROAD: &str = "192.0.2.7:50000";
pub(crate) const HOST: &str = "localhost:8040";

/// What the stand-in was asked: the command, by whom, under which key.
pub(crate) type Heard = (Command, String, Option<String>);

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) archive: Archive,
    pub(crate) state: State,
    pub(crate) heard: Arc<Mutex<Vec<Heard>>>,
    pub(crate) router: Router,
    _data: TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| {
            panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.bytes))
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).expect("text")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The problem's code and detail; the document must be whole.
    pub(crate) fn problem(&self) -> (String, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Problem = serde_json::from_slice(&self.bytes).expect("a problem");
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(problem.code.status(), self.status.as_u16());
        (problem.code.word().to_owned(), problem.detail)
    }
}

/// A request as the tests put it together.
pub(crate) fn ask(method: &str, path: &str) -> axum::http::request::Builder {
    let peer: SocketAddr = HOME.parse().expect("an address");
    Request::builder().method(method).uri(path).header("host", HOST).extension(ConnectInfo(peer))
}

impl House {
    pub(crate) async fn new() -> House {
        let data = TempDir::new().expect("a directory");
        // Time stands still: what happens is told by events, not by clocks.
        let clock = || Micros(1_700_000_000_000_000);
        let store = Store::open(StoreOptions::new(data.path(), clock)).expect("a store");
        let archive = Archive::open(data.path()).expect("an archive");
        let (commands, asked) = command::channel();
        let heard = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(stand_in(store.clone(), asked, heard.clone()));
        let state = State::new(Options {
            store: store.clone(),
            archive: archive.clone(),
            commands,
            version: "0.0.0-test",
            bound: "127.0.0.1:8040".parse().expect("an address"),
            allowed_hosts: vec!["farm.example.org".to_owned()],
            stopping: CancellationToken::new(),
        });
        let router = steading_web::routes(state.clone());
        let house = House { store, archive, state, heard, router, _data: data };
        house.write(configure).await;
        house
    }

    /// Runs a write section that succeeds.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        section: impl FnMut(&mut Write<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write("test", section).await.expect("a section")
    }

    /// Makes a token of that scope and returns its secret.
    pub(crate) async fn token(&self, scope: &str, expires_at: Option<Micros>) -> String {
        let secret = auth::fresh_token().expect("randomness");
        let (name, scope) = (format!("the-{scope}"), scope.to_owned());
        let hash = auth::token_hash(&secret);
        let token = NewToken { name, scope, hash, worker: None, expires_at };
        self.write(move |w| w.add_token(&token)).await;
        secret
    }

    /// Sends a request and reads the head of its answer.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }

    /// Sends a request and reads its answer whole.
    pub(crate) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.open(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.expect("a body").to_bytes().to_vec();
        Got { status, headers, bytes }
    }

    /// A read from home.
    pub(crate) async fn get(&self, path: &str) -> Got {
        self.send(ask("GET", path).body(Body::empty()).expect("a request")).await
    }

    /// A list's items, which must be there.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        let got = self.get(path).await;
        assert_eq!(got.status, StatusCode::OK, "{path}: {}", got.text());
        got.json()["items"].as_array().expect("items").clone()
    }

    /// A write from home, with that token and body.
    pub(crate) async fn post(&self, path: &str, token: &str, body: &str) -> Got {
        let request = ask("POST", path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()));
        self.send(request.expect("a request")).await
    }

    /// Submits a request of `hello` or `world`.
    pub(crate) async fn submit(&self, builder: &str) -> RequestId {
        let builder = builder.to_owned();
        self.write(move |w| submit(w, &builder)).await
    }

    /// Starts a build of a pending request on worker `barn`.
    pub(crate) async fn start(&self, request: RequestId) -> BuildId {
        self.write(move |w| start(w, request)).await
    }

    /// A step of a build with its `stdout`.
    pub(crate) async fn step(&self, build: BuildId) -> (StepId, LogId) {
        self.write(move |w| {
            let (command, locks) = (serde_json::json!(["true"]), Vec::new());
            let step = NewStep { number: 1, name: "test".to_owned(), command, locks };
            let step = w.start_step(build, &step)?;
            Ok((step, w.open_log(build, step, "stdout")?))
        })
        .await
    }

    /// Ends a build and its step's log.
    pub(crate) async fn finish(&self, build: BuildId, outcome: Outcome) {
        self.write(move |w| {
            for log in w.logs(build)? {
                let end = LogEnd { bytes: 0, lines: 0, hash: "0".repeat(64) };
                w.close_log(log.id, &end)?;
            }
            for step in w.steps(build)? {
                w.finish_step(step.id, outcome, None, None)?;
            }
            w.end_steps(build)?;
            w.finish_build(build, outcome, None, Next::Complete)
        })
        .await;
    }

    /// A row for an artifact the archive holds.
    pub(crate) async fn artifact(&self, path: &str, bytes: &'static [u8]) -> (i64, String) {
        let mut writer = self.archive.artifact_writer(1 << 20).expect("a writer");
        writer.write(bytes).await.expect("room");
        let stored = writer.commit(None).await.expect("stored");
        let request = self.submit("hello").await;
        let build = self.start(request).await;
        let (step, _) = self.step(build).await;
        let (path, hash) = (path.to_owned(), stored.hash.clone());
        let size = i64::try_from(stored.size).expect("small");
        let new = NewArtifact { build, step, path, size, hash };
        let id = self.write(move |w| w.add_artifact(&new)).await;
        (id.0, stored.hash)
    }
}

/// Two builders, one worker that is ready.
fn configure(w: &mut Write<'_>) -> Result<(), Error> {
    let builder = |name: &str| Builder {
        name: name.to_owned(),
        requires: BTreeMap::new(),
        workers: Vec::new(),
        locks: Vec::new(),
        plan: Plan::default(),
        ..Builder::default()
    };
    let builders = ["hello", "world"].map(|name| (name.to_owned(), builder(name)));
    let farm = Farm { builders: builders.into(), ..Farm::default() };
    let text = ConfigurationText {
        hash: "c0ffee".to_owned(),
        evaluator: "none".to_owned(),
        files: BTreeMap::from([("farm.star".to_owned(), String::new())]),
    };
    w.apply_configuration(&text, &farm)?;
    w.meet_worker("barn", 1000, &BTreeMap::new())?;
    w.worker_connected("barn", "0.0.0", &serde_json::json!({ "cpus": 2 }))
}

pub(crate) fn submit(w: &mut Write<'_>, builder: &str) -> Result<RequestId, Error> {
    let stamp = SourceStamp {
        repository: "repo".to_owned(),
        branch: "main".to_owned(),
        revision: "0123abcd".to_owned(),
    };
    let request = NewRequest {
        builder: builder.to_owned(),
        priority: 0,
        properties: BTreeMap::new(),
        pinned_worker: None,
        start_within: None,
    };
    let buildset = NewBuildset {
        fail_fast: false,
        reason: "to see it".to_owned(),
        scheduler: None,
        owner: None,
        stamps: vec![stamp],
        changes: Vec::new(),
        configuration_id: ConfigId(1),
        requests: vec![request],
    };
    Ok(w.submit_buildset(&buildset)?.requests[0])
}

pub(crate) fn start(w: &mut Write<'_>, request: RequestId) -> Result<BuildId, Error> {
    let claim: ClaimId = w
        .claim(&NewClaim {
            request,
            worker: "barn".to_owned(),
            decided: Decided { seq: Seq(1), at: Micros(0) },
            locks: Vec::new(),
            deadline: Micros(i64::MAX),
        })?
        .id;
    let acceptance = Acceptance {
        rerun: Default::default(),
        plan: Plan::default(),
        locks: Vec::new(),
        properties: BTreeMap::new(),
    };
    Ok(w.accept(claim, &acceptance)?.id)
}

/// Answers commands: tokens for real, everything else with something of the right shape.
async fn stand_in(
    store: Store,
    mut asked: tokio::sync::mpsc::Receiver<Asked>,
    heard: Arc<Mutex<Vec<Heard>>>,
) {
    // Kept and never used: this master is lost in thought.
    let mut unanswered = Vec::new();
    while let Some(Asked { command, by, idempotency_key, reply }) = asked.recv().await {
        heard.lock().expect("whole").push((command.clone(), by, idempotency_key));
        if matches!(&command, Command::Force { builder, .. } if builder == "silence") {
            unanswered.push(reply);
            continue;
        }
        let _ = reply.send(answer(&store, command).await);
    }
}

async fn answer(store: &Store, command: Command) -> Result<Answer, Problem> {
    let internal = |error: Error| Problem::new(Code::Internal, error.to_string());
    let none = Problem::new(Code::NotFound, "there is no such thing");
    Ok(match command {
        Command::RevokeToken { name } => {
            let revoke = move |w: &mut Write<'_>| w.revoke_token(&name);
            let there = store.write("revoke", revoke).await.map_err(internal)?;
            if !there {
                return Err(none);
            }
            Answer::Done
        }
        Command::NewToken(new) => {
            let secret = auth::fresh_token().expect("randomness");
            let token = NewToken {
                name: new.name.clone(),
                scope: new.scope.word().to_owned(),
                hash: auth::token_hash(&secret),
                worker: new.worker,
                expires_at: None,
            };
            let add = move |w: &mut Write<'_>| w.add_token(&token);
            store.write("token", add).await.map_err(internal)?;
            Answer::Token(rest::Token { name: new.name, token: secret })
        }
        Command::Force { builder, .. } if builder == "nobody" => return Err(none),
        Command::Force { builder, .. } => {
            let requests = BTreeMap::from([(builder, 9)]);
            Answer::Submitted(rest::Submitted { buildset_id: 3, requests })
        }
        Command::Rebuild { .. } => {
            Answer::Submitted(rest::Submitted { buildset_id: 4, requests: BTreeMap::new() })
        }
        Command::Change(_) => Answer::ChangesAdded(rest::ChangesAdded { changes: vec![1] }),
        Command::CancelBuild { .. }
        | Command::CancelRequest { .. }
        | Command::Prioritize { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Drain { .. } => Answer::Done,
        Command::Explain { request } => Answer::Explanation(explanation(request)),
        Command::Queue { .. } => {
            Answer::Queue(rest::Queue { items: Vec::new(), total: 0, as_of: 1 })
        }
        Command::Reload => {
            Answer::Reloaded(rest::Reloaded { configuration_id: 1, differences: Vec::new() })
        }
    })
}

fn explanation(request: RequestId) -> rest::Explanation {
    rest::Explanation {
        request_id: request.0,
        state: "pending".to_owned(),
        position: Some(1),
        summary: "no worker is ready".to_owned(),
        workers: Vec::new(),
        locks: Vec::new(),
        verdict: "waits_for_worker".to_owned(),
        remedies: Vec::new(),
        starts_in_ms: None,
        what_if: Vec::new(),
        as_of: 1,
    }
}
