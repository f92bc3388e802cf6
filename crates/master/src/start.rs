//! The master as a component: options in, a handle out, stopped in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use steading_config::Loaded;
use steading_core::farm::Farm;
use steading_core::words::{Build, BuildState};
use steading_store::Store;
use steading_store::archive::Archive;
use steading_wire::command::{self, Handle};
use steading_wire::worker::ToWorker;
use tokio_util::sync::CancellationToken;

use crate::commands::{self, TokenError};
use crate::context::Context;
use crate::farms::{FarmError, Farms};
use crate::intake::{self, Mirrors};
use crate::programs::Programs;
use crate::session::{Dialled, Link, Mail, Sessions, Socket};
use crate::spawn::supervise;
use crate::{disk, dispatch, janitor, report, reset, schedule, session};

/// How long a stop waits for builds that are about to end anyway.
const KEEP_WAIT: Duration = Duration::from_millis(500);
/// How long a stop that cancels waits for the last build.
const CANCEL_WAIT: Duration = Duration::from_secs(30);

/// What a master needs.
#[derive(Debug)]
pub struct Options {
    /// History, opened and locked by its owner.
    pub store: Store,
    /// Logs and artifacts.
    pub archive: Archive,
    /// Where `farm.star` is; read again by a reload.
    pub farm_dir: PathBuf,
    /// The data directory, for the mirrors.
    pub data: PathBuf,
    /// The configuration, read and checked.
    pub loaded: Loaded,
    /// Where builds come from besides commands.
    pub sources: Sources,
    /// Where the programs run that it starts.
    pub programs: Programs,
}

/// Where builds come from, besides what is asked for by command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Nowhere: repositories are not polled, changes and timers wait for the next master.
    Commands,
    /// Changes and timers.
    Changes,
    /// The same, and the head of each repository once if nothing was ever built.
    ChangesAndHeads,
}

/// Why a master does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// History.
    #[error(transparent)]
    Store(#[from] steading_store::Error),
    /// The configuration.
    #[error(transparent)]
    Farm(#[from] FarmError),
}

/// What becomes of running builds when the master stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// They run on; their workers keep them for the next master.
    Keep,
    /// They are cancelled.
    Cancel,
}

/// A build that still ran when the master stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What people call it: `hello/17`.
    pub build: String,
    /// Where it runs.
    pub worker: String,
}

/// A running master.
#[derive(Debug)]
pub struct Master {
    context: Context,
    commands: Handle,
    matching: CancellationToken,
    shutdown: CancellationToken,
}

/// Recovers history to a legal farm, applies the configuration, and starts every reconciler.
///
/// # Errors
/// When history cannot be read or written, or the configuration cannot be applied.
pub async fn start(options: Options) -> Result<Master, Error> {
    let Options { store, archive, farm_dir, data, loaded, sources, programs } = options;
    let recovered = store.write("master.recover", |w| w.recover()).await?;
    tracing::debug!("recovered: {recovered:?}");
    let farms = Farms::start(store.clone(), farm_dir, loaded).await?;
    let mirrors = Mirrors::of(data.join("mirrors"), programs.clone());
    let context = Context {
        store,
        archive,
        data: data.into(),
        mirrors,
        programs,
        farms,
        sessions: Sessions::default(),
        explaining: Arc::default(),
    };
    let (commands, asked) = command::channel();
    let shutdown = CancellationToken::new();
    let matching = shutdown.child_token();
    start_services(&context, &matching, &shutdown);
    if sources != Sources::Commands {
        start_sources(&context, &matching);
    }
    let (serving, stop) = (context.clone(), shutdown.clone());
    crate::spawn::spawn("commands", commands::run(serving, asked, stop));
    if sources == Sources::ChangesAndHeads {
        start_first_builds(&context).await?;
    }
    Ok(Master { context, commands, matching, shutdown })
}

fn start_services(context: &Context, matching: &CancellationToken, shutdown: &CancellationToken) {
    let (c, t) = (context.clone(), matching.clone());
    supervise("dispatch", matching.clone(), move || dispatch::run(c.clone(), t.clone()));
    let (c, t) = (context.clone(), shutdown.clone());
    supervise("janitor", shutdown.clone(), move || janitor::run(c.clone(), t.clone()));
    let (c, t) = (context.clone(), shutdown.clone());
    supervise("disk", shutdown.clone(), move || disk::run(c.clone(), t.clone()));
    let (c, t) = (context.clone(), matching.clone());
    supervise("resets", matching.clone(), move || reset::run(c.clone(), t.clone()));
    let (c, t) = (context.clone(), shutdown.clone());
    supervise("report", shutdown.clone(), move || report::follow(c.clone(), t.clone()));
    let (c, t) = (context.clone(), shutdown.clone());
    supervise("outbox", shutdown.clone(), move || report::deliver(c.clone(), t.clone()));
}

fn start_sources(context: &Context, matching: &CancellationToken) {
    let (c, t) = (context.clone(), matching.clone());
    supervise("intake", matching.clone(), move || intake::run(c.clone(), t.clone()));
    let (c, t) = (context.clone(), matching.clone());
    supervise("schedule", matching.clone(), move || schedule::run(c.clone(), t.clone()));
}

/// In the background: asking a repository for its head may take a while.
async fn start_first_builds(context: &Context) -> Result<(), Error> {
    if context.store.read(|r| r.is_empty_history()).await? {
        let context = context.clone();
        crate::spawn::spawn("first builds", async move {
            if let Err(error) = schedule::first_builds(&context).await {
                tracing::error!("cannot submit the first builds: {error}");
            }
        });
    }
    Ok(())
}

impl Master {
    /// What workers dial: `/worker/v1/*`, to be served beside the web.
    pub fn routes(&self) -> Router {
        session::routes(self.context.clone(), self.shutdown.child_token())
    }

    /// Serves a worker's link over a socket that is not the network's: for simulations.
    ///
    /// # Errors
    /// The status and the sentence that a worker over the network would be refused with.
    pub async fn dial(&self, link: Link, headers: &HeaderMap, socket: impl Socket) -> Dialled {
        let shutdown = self.shutdown.child_token();
        session::dial(self.context.clone(), shutdown, link, headers, socket).await
    }

    /// Where commands go.
    #[must_use]
    pub fn commands(&self) -> Handle {
        self.commands.clone()
    }

    /// The farm in force.
    #[must_use]
    pub fn farm(&self) -> Arc<Farm> {
        Arc::new(self.context.farms.present().farm.clone())
    }

    /// A new admin token for whoever owns the data directory; the one of an earlier start ends.
    ///
    /// # Errors
    /// When there is no randomness, or history cannot be written.
    pub async fn owner_token(&self) -> Result<String, TokenError> {
        commands::owner_token(&self.context.store).await
    }

    /// A new token for a worker process on this machine; an earlier one of that worker ends.
    ///
    /// # Errors
    /// When there is no randomness, or history cannot be written.
    pub async fn worker_token(&self, worker: &str) -> Result<String, TokenError> {
        commands::worker_token(&self.context.store, worker).await
    }

    /// Stops matching, then the sessions; gives what still runs. Nothing is lost whenever it ends.
    ///
    /// # Errors
    /// When history cannot be read or written.
    pub async fn stop(&self, how: Stop) -> Result<Vec<Running>, Error> {
        self.matching.cancel();
        let wait = match how {
            Stop::Keep => KEEP_WAIT,
            Stop::Cancel => CANCEL_WAIT,
        };
        let quiet = tokio::time::timeout(wait, self.quiet(how)).await;
        if let Ok(Err(error)) = quiet {
            return Err(error);
        }
        let live = self.live().await?;
        self.context.sessions.send_all(&ToWorker::Restarting);
        self.shutdown.cancel();
        let running = |build: Build| Running {
            build: format!("{}/{}", build.builder, build.number),
            worker: build.worker,
        };
        Ok(live.into_iter().map(running).collect())
    }

    async fn cancel_all(&self) -> Result<(), Error> {
        for build in self.live().await? {
            if build.state == BuildState::Running {
                let id = build.id;
                let cancel = self.context.store.write("stop.cancel", move |w| {
                    w.cancel_build(id, "the farm", "it is being stopped")
                });
                cancel.await?;
                self.context.sessions.mail(id, Mail::LookAgain);
            }
        }
        Ok(())
    }

    /// Returns when nothing runs. A build that a worker took at the last moment is stopped too.
    async fn quiet(&self, how: Stop) -> Result<(), Error> {
        let mut seq = self.context.store.seq();
        while !self.live().await?.is_empty() {
            if how == Stop::Cancel {
                self.cancel_all().await?;
            }
            if seq.changed().await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn live(&self) -> Result<Vec<Build>, Error> {
        Ok(self.context.store.read(|r| r.live_builds()).await?)
    }
}
