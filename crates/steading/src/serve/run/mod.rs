//! `steading run`: build once, here, and show it.

mod requests;
mod verdict;

use std::path::Path;

use steading_config::Loaded;
use steading_master::Stop;
use steading_store::OpenError;

use super::house::{House, Options};
use super::signals::Signals;
use super::{Place, log, up};
use crate::cli::RunArgs;
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::local::Workers;
use crate::serve;

/// Builds, shows, and leaves nothing running.
pub(crate) fn run(args: RunArgs) -> Result<Exit, Error> {
    log::start("error");
    tokio::runtime::Runtime::new()?.block_on(build(args))
}

async fn build(args: RunArgs) -> Result<Exit, Error> {
    let mut signals = Signals::catch()?;
    let place = Place::find(args.path.as_deref(), args.data.as_deref())?;
    let loaded = place.load()?;
    let builders = requests::builders(&loaded.farm, &args.builders)?;
    let data = place.data.clone();
    match House::start(options(place, loaded.clone())).await {
        Ok(house) => {
            let workers = Workers::start(house.master(), house.store(), data.clone());
            let built = ask(&data, &loaded, &builders, &args, &mut signals).await;
            // Whatever came of it: nothing of it remains.
            let stopped = tokio::select! {
                stopped = up::stop(house, workers, Stop::Cancel) => stopped,
                _ = signals.stop() => Ok(Exit::Interrupted),
            };
            let exit = built?;
            stopped.map(|_| exit)
        }
        // The farm is up already: it builds for us.
        Err(serve::Error::Open(OpenError::InUse { .. })) => {
            ask(&data, &loaded, &builders, &args, &mut signals).await
        }
        Err(error) => Err(error.into()),
    }
}

fn options(place: Place, loaded: Loaded) -> Options {
    Options {
        place,
        loaded,
        listen: "127.0.0.1:0".to_owned(),
        allowed_hosts: Vec::new(),
        build_heads_when_empty: false,
    }
}

/// Asks the farm, ours or another's, the way every client does.
async fn ask(
    data: &Path,
    loaded: &Loaded,
    builders: &[String],
    args: &RunArgs,
    signals: &mut Signals,
) -> Result<Exit, Error> {
    let client = Client::of_data(data)?;
    let requests = requests::submit(&client, &loaded.farm, builders, &args.set).await?;
    verdict::follow(&client, &requests, args.json, signals).await
}
