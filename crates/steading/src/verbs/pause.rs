//! `steading pause` and `steading resume`: whether workers, builders, schedulers or the whole farm
//! get on with anything new.

use steading_wire::rest::Why;

use super::held::{Held, Kind, find};
use crate::cli::{PauseArgs, ResumeArgs};
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Nothing new.
pub(crate) async fn pause(client: &Client, args: PauseArgs) -> Result<Exit, Error> {
    let why = Why { reason: args.why.reason };
    for what in find(client, &args.what).await? {
        client.post(&format!("{}/pause", what.path()), &why, None).await?;
        let effect = match what.kind {
            Kind::Farm => "nothing is started, what runs goes on",
            Kind::Worker => "what runs goes on",
            Kind::Builder => "its requests wait, what runs goes on",
            Kind::Scheduler if what.is_form() => "who asks it is refused until then",
            Kind::Scheduler => "what it sees it keeps until then",
        };
        let words = what.words();
        let said = format!("{words} is paused: {effect}; `steading resume {words}` ends it");
        done(client, &what, args.json, said).await?;
    }
    Ok(Exit::Green)
}

/// On again.
pub(crate) async fn resume(client: &Client, args: ResumeArgs) -> Result<Exit, Error> {
    let why = Why { reason: args.why.reason };
    for what in find(client, &args.what).await? {
        client.post(&format!("{}/resume", what.path()), &why, None).await?;
        let effect = match what.kind {
            Kind::Farm => "starts builds again",
            Kind::Worker => "takes builds again",
            Kind::Builder => "is built again",
            Kind::Scheduler if what.is_form() => "may be asked again",
            Kind::Scheduler => "submits again, what it kept first",
        };
        done(client, &what, args.json, format!("{} {effect}", what.words())).await?;
    }
    Ok(Exit::Green)
}

/// Says what was done; for programs, how it is now.
async fn done(client: &Client, what: &Held, json: bool, said: String) -> Result<(), Error> {
    match json {
        true => output::json_line(&client.get_text(&what.path()).await?)?,
        false => output::line(said)?,
    }
    Ok(())
}
