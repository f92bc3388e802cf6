//! `steading prioritize`: move a waiting request.

use steading_wire::rest::Priority;

use crate::cli::PrioritizeArgs;
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Gives a waiting request another priority, and says so.
pub(crate) async fn prioritize(client: &Client, args: PrioritizeArgs) -> Result<Exit, Error> {
    let PrioritizeArgs { request, priority } = args;
    let path = format!("/requests/{request}/prioritize");
    client.post(&path, &Priority { priority }, None).await?;
    output::line(format!("request {request} has priority {priority} now"))?;
    Ok(Exit::Green)
}
