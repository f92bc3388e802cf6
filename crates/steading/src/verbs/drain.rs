//! `steading drain`: nothing new is started, and we wait until nothing runs.

use std::io::{self, Write as _};

use serde_json::{Map, Value};
use steading_wire::rest::{List, Why};

use super::held::{Held, Kind, find};
use crate::cli::DrainArgs;
use crate::client::{Client, Stream, query};
use crate::error::Error;
use crate::exit::Exit;
use crate::follow::label;
use crate::output;

/// Builds named in a line of progress; more are counted.
const NAMED: usize = 5;

/// Drains, and unless told otherwise waits until it is quiet, saying what still runs.
pub(crate) async fn drain(client: &Client, args: DrainArgs) -> Result<Exit, Error> {
    let those = match args.what.as_slice() {
        [] => vec![Held::farm()],
        words => find(client, words).await?,
    };
    if let Some(other) = those.iter().find(|it| !matches!(it.kind, Kind::Farm | Kind::Worker)) {
        let text = format!("a {} has nothing to drain: pause it", other.words());
        return Err(Error::Usage(text));
    }
    let why = Why { reason: args.why.reason };
    for what in &those {
        client.post(&format!("{}/drain", what.path()), &why, None).await?;
        let words = what.words();
        say(&format!("{words} takes nothing new; `steading resume {words}` ends that"))?;
    }
    if args.no_wait {
        return Ok(Exit::Green);
    }
    for what in &those {
        let worker = (what.kind == Kind::Worker).then_some(what.name.as_str());
        tokio::select! {
            quiet = quiet(client, worker) => quiet?,
            _ = tokio::signal::ctrl_c() => {
                say("no longer waiting; it drains on")?;
                return Ok(Exit::Interrupted);
            }
        }
        output::line(format!("{} is quiet", what.words()))?;
    }
    Ok(Exit::Green)
}

/// Returns when no build runs and no offer stands; says what still runs whenever that changes.
async fn quiet(client: &Client, worker: Option<&str>) -> Result<(), Error> {
    let (mut left, as_of) = look(client, worker).await?;
    let since = as_of.to_string();
    let path = query("/events", [("since", since.as_str()), ("noun", "build,claim")]);
    let mut events = Stream::new(client, path);
    let mut said = String::new();
    while !left.is_empty() {
        let now = still(&left);
        if now != said {
            say(&now)?;
            said = now;
        }
        events.next().await?;
        left = look(client, worker).await?.0;
    }
    Ok(())
}

/// What still runs or is being offered, and the event number that is known at.
async fn look(client: &Client, worker: Option<&str>) -> Result<(Vec<String>, i64), Error> {
    let builds = list(client, "/builds", ("state__ne", "finished"), worker).await?;
    let offers = list(client, "/claims", ("state", "offered"), worker).await?;
    let offer =
        |claim: &Map<String, Value>| format!("request {}", output::text(claim, "request_id"));
    let left = builds.items.iter().map(label).chain(offers.items.iter().map(offer));
    Ok((left.collect(), offers.as_of.min(builds.as_of)))
}

async fn list(
    client: &Client,
    path: &str,
    filter: (&str, &str),
    worker: Option<&str>,
) -> Result<List, Error> {
    let here = worker.map(|worker| ("worker", worker));
    let pairs = [filter, ("order", "id"), ("limit", "1000")].into_iter().chain(here);
    Ok(client.get(&query(path, pairs)).await?)
}

fn still(left: &[String]) -> String {
    let names = left.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match left.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} still to end: {names}{more}", left.len())
}

/// Progress goes beside the output.
fn say(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}
