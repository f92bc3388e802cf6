//! What every handler works with.

use std::net::SocketAddr;
use std::sync::Arc;

use steading_store::Store;
use steading_store::archive::Archive;
use steading_wire::command::{Answer, Command, Handle};
use steading_wire::problem::{Code, Problem};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::api::Answers;
use crate::auth::{Hosts, Owners};
use crate::metrics::Metrics;

/// Streams (events, followed logs) served at once; more are told to come back later.
const STREAMS_MAX: usize = 4096;
/// How long the master has to answer; the slowest command resolves a revision over a network.
const ANSWER_WAIT_S: u64 = 60;

/// What the web needs of its owner.
pub struct Options {
    /// History.
    pub store: Store,
    /// The bytes of logs and artifacts.
    pub archive: Archive,
    /// Where commands go.
    pub commands: Handle,
    /// The version shown by `/farm`.
    pub version: &'static str,
    /// The address we listen on, with the port really bound.
    pub bound: SocketAddr,
    /// Host names we answer to, besides loopback's and the bound address: `ci.example.org`.
    pub allowed_hosts: Vec<String>,
    /// Ends the streams when the process stops, so that they hold nothing up.
    pub stopping: CancellationToken,
}

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub struct State {
    /// History.
    pub store: Store,
    /// The bytes of logs and artifacts.
    pub archive: Archive,
    /// Where commands go.
    pub commands: Handle,
    /// Our version.
    pub version: &'static str,
    /// Cancelled when the process stops: long answers end.
    pub stopping: CancellationToken,
    /// Room for long answers: take a permit for as long as one lasts.
    pub streams: Arc<Semaphore>,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) owners: Arc<Owners>,
}

impl State {
    /// The state these options make.
    #[must_use]
    pub fn new(options: Options) -> State {
        State {
            store: options.store,
            archive: options.archive,
            commands: options.commands,
            version: options.version,
            stopping: options.stopping,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            hosts: Arc::new(Hosts::new(options.bound, options.allowed_hosts)),
            metrics: Arc::new(Metrics::new()),
            answers: Arc::new(Answers::default()),
            owners: Arc::new(Owners::default()),
        }
    }

    /// Sends a command to the master and waits for its answer, but not for ever.
    ///
    /// # Errors
    /// The master's own problem; `unavailable` when it is stopping or does not answer in time.
    pub async fn ask(
        &self,
        command: Command,
        by: String,
        key: Option<String>,
    ) -> Result<Answer, Problem> {
        let answer = self.commands.ask(command, by, key);
        let wait = std::time::Duration::from_secs(ANSWER_WAIT_S);
        tokio::time::timeout(wait, answer).await.unwrap_or_else(|_| {
            let detail = format!(
                "no answer from the master within {ANSWER_WAIT_S} s; send it again, with the same \
                 `Idempotency-Key` if it writes"
            );
            Err(Problem::new(Code::Unavailable, detail))
        })
    }
}
