//! `steading cancel`: stop a build, or take a request back.

use steading_wire::rest::Why;

use super::build::build;
use crate::cli::CancelArgs;
use crate::client::{Client, path_segment};
use crate::error::Error;
use crate::exit::Exit;
use crate::follow::label;
use crate::output;

/// Cancels, and says what.
pub(crate) async fn cancel(client: &Client, args: CancelArgs) -> Result<Exit, Error> {
    let why = Why { reason: args.why.reason };
    if args.request {
        let path = format!("/requests/{}/cancel", path_segment(&args.id));
        client.post(&path, &why, None).await?;
        output::line(format!("request {} is cancelled", args.id))?;
        return Ok(Exit::Green);
    }
    let build = build(client, &args.id).await?;
    let path = format!("/builds/{}/cancel", output::text(&build, "id"));
    client.post(&path, &why, None).await?;
    output::line(format!("build {} is being cancelled", label(&build)))?;
    Ok(Exit::Green)
}
