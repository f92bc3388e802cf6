//! What every handler works with.

use std::net::SocketAddr;
use std::sync::Arc;

use steading_store::Store;
use steading_store::archive::Archive;
use steading_wire::command::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Hosts;
use crate::metrics::Metrics;

/// Streams (events, followed logs) served at once; more are told to come back later.
const STREAMS_MAX: usize = 4096;

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
        }
    }
}
