//! A farm for the time of one run; or the one that is up already.

use std::path::Path;
use std::time::Duration;

use steading_config::Loaded;
use steading_master::{Sources, Stop};
use steading_store::OpenError;
use tokio::time::{Instant, sleep};

use super::super::house::{House, Options};
use super::super::listen::Passed;
use super::super::signals::Signals;
use super::super::{Place, log, up};
use super::{requests, verdict};
use crate::cli::RunArgs;
use crate::client::{self, Client};
use crate::error::Error;
use crate::exit::Exit;
use crate::local::Workers;
use crate::serve;

/// How long a farm that holds the data directory may take to answer, and how often it is asked.
const START_WAIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
        passed: Passed::default(),
        allowed_hosts: Vec::new(),
        sources: Sources::Commands,
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
    let client = reach(data).await?;
    let requests = requests::submit(&client, &loaded.farm, builders, &args.set).await?;
    verdict::follow(&client, &requests, args.json, signals).await
}

/// The farm of a locked data directory; one that is just starting is given a moment.
async fn reach(data: &Path) -> Result<Client, client::Error> {
    let give_up = Instant::now() + START_WAIT;
    loop {
        let found = match Client::of_data(data) {
            Ok(client) => client.get_text("/farm").await.map(|_| client),
            Err(error) => Err(error),
        };
        match found {
            Err(error) if error.is_passing() && Instant::now() < give_up => sleep(LOOK_EVERY).await,
            other => return other,
        }
    }
}
