//! `steading rebuild`: the same again.

use steading_wire::rest::{Submitted, Why};

use super::build::build;
use super::force;
use super::wait::wait;
use crate::cli::RebuildArgs;
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Submits, says what was submitted, and follows it if asked to.
pub(crate) async fn rebuild(client: &Client, args: RebuildArgs) -> Result<Exit, Error> {
    let build = build(client, &args.build).await?;
    let path = format!("/builds/{}/rebuild", output::text(&build, "id"));
    let answer = client.post(&path, &Why { reason: args.why.reason }, None).await?;
    let submitted: Submitted = client.parse(&path, &answer)?;
    force::said(&answer, &submitted, args.json)?;
    if args.wait { wait(client, &submitted, args.json).await } else { Ok(Exit::Green) }
}
