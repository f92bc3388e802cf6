//! `steading force`: ask for a build.

use steading_wire::rest::{Force, Submitted};

use super::wait::wait;
use crate::cli::ForceArgs;
use crate::client::{Client, path_segment};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Submits, says what was submitted, and follows it if asked to.
pub(crate) async fn force(client: &Client, args: ForceArgs) -> Result<Exit, Error> {
    let body = Force {
        branch: args.branch,
        revision: args.revision,
        priority: args.priority,
        worker: args.worker,
        reason: args.reason,
        properties: args.set.into_iter().collect(),
    };
    let path = format!("/builders/{}/force", path_segment(&args.builder));
    let answer = client.post(&path, &body, args.idempotency_key.as_deref()).await?;
    let submitted: Submitted = client.parse(&path, &answer)?;
    said(&answer, &submitted, args.json)?;
    if args.wait { wait(client, &submitted, args.json).await } else { Ok(Exit::Green) }
}

/// The answer, or the sentence it means.
pub(super) fn said(answer: &str, submitted: &Submitted, json: bool) -> std::io::Result<()> {
    if json {
        return output::json_line(answer);
    }
    for (builder, request) in &submitted.requests {
        output::line(format!("request {request} for {builder}"))?;
    }
    Ok(())
}
