//! Starts a worker and runs it to its end.

use std::sync::Arc;

use tokio::sync::watch;

use super::daemon::Daemon;
use super::dial::{DialError, Dialer};
use super::facts::facts;
use super::machine::{Look, look_on};
use crate::attempts::Tools;
use crate::bulk;
use crate::process::Launcher;
use crate::room::Keeper;
use crate::slots::Slots;
use crate::spool::Spool;
use crate::{Error, Options, Shutdown, home};

/// Runs a worker until it is told to stop, here or by its master, or cannot go on. Needs tokio's
/// multi-threaded runtime.
///
/// # Errors
/// When its directory is not usable or taken, or the master refuses it.
pub async fn run(options: Options, shutdown: Shutdown) -> Result<(), Error> {
    let home = home::open(&options.dir)?;
    let dialer = Dialer::new(&options);
    if let Err(DialError::Fatal(error)) = dialer.base() {
        return Err(error);
    }
    let unusable = |source| Error::Home { path: options.dir.clone(), source };
    let launcher = Arc::new(Launcher::new(&options.token, home.errands.clone())?);
    // Shepherds first: what they ended before they were met is in the spool by now.
    let slots = Slots::open(&home, Arc::clone(&launcher)).await.map_err(&unusable)?;
    let (spool, found) = Spool::open(home.spool.clone()).map_err(&unusable)?;
    let keeper = Arc::new(Keeper::new(
        (home.work.clone(), options.work_bytes_max),
        (home.mirrors.clone(), options.mirror_bytes_max),
        home.gone.clone(),
    ));
    let tools = Tools {
        keeper: Arc::clone(&keeper),
        launcher: Arc::clone(&launcher),
        spool: Arc::new(spool),
        dialer,
        http: reqwest::Client::new(),
        instance: home.instance.clone(),
        work: home.work.clone(),
        mirrors: home.mirrors.clone(),
        log_bytes_max: options.log_bytes_max,
    };
    let mut look = Look {
        fixed: facts(&tools).await,
        work: home.work.clone(),
        keep_free: options.keep_free,
        keeper: Arc::clone(&keeper),
        full: false,
    };
    let (tell, machine) = watch::channel(look.machine());
    let (is_up, up) = watch::channel(false);
    let bulk = bulk::serve(Arc::clone(&tools.spool), tools.dialer.clone(), up);
    let mut daemon = Daemon::new(options, Arc::new(tools), machine, slots, is_up, shutdown);
    daemon.restore(found);
    // The bulk link ends with the daemon: what it still had is sent before that, or is not wanted.
    let ended = tokio::select! {
        ended = daemon.run() => ended,
        never = bulk => match never {},
        never = keeper.run() => match never {},
        never = look_on(look, tell) => match never {},
    };
    launcher.close().await;
    ended
}
