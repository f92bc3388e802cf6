//! Starts a worker and runs it to its end.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::daemon::Daemon;
use super::dial::{DialError, Dialer};
use super::facts::facts;
use crate::attempts::Tools;
use crate::bulk::{self, Spool};
use crate::process::Launcher;
use crate::{Error, Options, home};

/// Runs a worker until it is told to stop, here or by its master, or cannot go on. Needs tokio's
/// multi-threaded runtime.
///
/// # Errors
/// When its directory is not usable or taken, or the master refuses it.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), Error> {
    let home = home::open(&options.dir)?;
    let dialer = Dialer::new(&options);
    if let Err(DialError::Fatal(error)) = dialer.base() {
        return Err(error);
    }
    let unusable = |source| Error::Home { path: options.dir.clone(), source };
    let tools = Tools {
        launcher: Launcher::new(&options.token)?,
        spool: Arc::new(Spool::open(home.spool.clone()).map_err(unusable)?),
        dialer,
        http: reqwest::Client::new(),
        work: home.work.clone(),
        mirrors: home.mirrors.clone(),
        log_bytes_max: options.log_bytes_max,
    };
    let facts = facts(&tools).await;
    let (is_up, up) = watch::channel(false);
    let bulk = bulk::serve(Arc::clone(&tools.spool), tools.dialer.clone(), up);
    let daemon = Daemon::new(options, Arc::new(tools), facts, is_up, shutdown);
    // The bulk link ends with the daemon: what it still had is sent before that, or is not wanted.
    tokio::select! { ended = daemon.run() => ended, never = bulk => match never {} }
}
