//! `steading master`: the farm without local workers.

use steading_master::{Sources, Stop};

use super::house::{House, Options};
use super::listen::Passed;
use super::manager::Manager;
use super::signals::Signals;
use super::{Place, log};
use crate::cli::MasterArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Runs the master until it is told to stop; builds run on.
pub(crate) fn master(args: MasterArgs) -> Result<Exit, Error> {
    log::start("warn,steading=info,steading_master=info");
    let passed = Passed::take()?;
    tokio::runtime::Runtime::new()?.block_on(serve(args, passed))
}

async fn serve(args: MasterArgs, passed: Passed) -> Result<Exit, Error> {
    let mut signals = Signals::catch()?;
    let place = Place::find(args.path.as_deref(), args.data.as_deref())?;
    let loaded = place.load()?;
    let options = Options {
        place,
        loaded,
        listen: args.listen,
        passed,
        allowed_hosts: args.allow_host,
        sources: Sources::Changes,
    };
    let house = House::start(options).await?;
    output::line(format!("listening on {}", house.url()))?;
    let manager = Manager::ready(house.store());
    super::up::until_stopped(&mut signals, &house).await?;
    manager.stopping();
    tokio::select! {
        stopped = stop(house) => stopped,
        _ = signals.stop() => Ok(Exit::Interrupted),
    }
}

async fn stop(house: House) -> Result<Exit, Error> {
    let (closing, _) = house.stop_master(Stop::Keep).await?;
    closing.close().await?;
    Ok(Exit::Green)
}
