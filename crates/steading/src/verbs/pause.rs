//! `steading pause` and `steading resume`: whether a worker gets anything new.

use steading_wire::rest::Why;

use crate::cli::{PauseArgs, ResumeArgs};
use crate::client::{Client, path_segment};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Nothing new.
pub(crate) async fn pause(client: &Client, args: PauseArgs) -> Result<Exit, Error> {
    let path = format!("/workers/{}/pause", path_segment(&args.worker));
    client.post(&path, &Why { reason: args.why.reason }, None).await?;
    output::line(format!(
        "worker {0} is paused: what runs goes on; `steading resume {0}` ends it",
        args.worker
    ))?;
    Ok(Exit::Green)
}

/// Builds again.
pub(crate) async fn resume(client: &Client, args: ResumeArgs) -> Result<Exit, Error> {
    let path = format!("/workers/{}/resume", path_segment(&args.worker));
    client.post(&path, &serde_json::json!({}), None).await?;
    output::line(format!("worker {} takes builds again", args.worker))?;
    Ok(Exit::Green)
}
