//! From submitted requests to the exit code.

use steading_wire::rest::Why;

use super::super::signals::Signals;
use super::super::up::say;
use crate::client::{Client, query};
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::follow::{Ended, Model, tails, watch};
use crate::output::{self, Progress};

/// Follows the requests and shows how they ended. An interrupt cancels them; a second one leaves.
pub(super) async fn follow(
    client: &Client,
    requests: &[i64],
    json: bool,
    signals: &mut Signals,
) -> Result<Exit, Error> {
    let mut progress = Progress::new(json);
    let interrupt = async {
        signals.stop().await;
    };
    let ended = watch(client, requests, &mut progress, interrupt).await?;
    let (model, exit) = match ended {
        Ended::Complete(model) => {
            let exit = model.exit();
            (model, exit)
        }
        Ended::Interrupted(model) => {
            say("interrupted: cancelling; once more to leave at once")?;
            cancel(client, &model).await?;
            let interrupt = async {
                signals.stop().await;
            };
            match watch(client, requests, &mut Progress::new(json), interrupt).await? {
                Ended::Complete(model) => (model, Exit::Interrupted),
                Ended::Interrupted(_) => return Ok(Exit::Interrupted),
            }
        }
    };
    show(client, &model, json).await?;
    Ok(exit)
}

/// Takes back what has no outcome yet.
async fn cancel(client: &Client, model: &Model) -> Result<(), Error> {
    for (id, _) in model.requests.iter().filter(|(_, request)| !request.is_complete()) {
        let why = Why { reason: "steading run was interrupted".to_owned() };
        // One that completed meanwhile needs no cancelling.
        if let Err(error) = client.post(&format!("/requests/{id}/cancel"), &why, None).await {
            tracing::debug!("request {id} was not cancelled: {error}");
        }
    }
    Ok(())
}

/// The table and the evidence; or the API's list of the builds.
async fn show(client: &Client, model: &Model, json: bool) -> Result<(), Error> {
    if json {
        let builds = model.requests.values().filter_map(|r| r.build.as_ref());
        let ids = builds.map(|build| output::text(build, "id")).collect::<Vec<_>>().join(",");
        // No build has this id: a run that was cancelled in the queue is an empty list.
        let ids = if ids.is_empty() { "0" } else { &ids };
        let path = query("/builds", [("id__in", ids), ("order", "id"), ("limit", "1000")]);
        return Ok(output::json_line(&client.get_text(&path).await?)?);
    }
    let tails = tails(client, model).await?;
    Ok(output::summary(model, &tails, clock::now())?)
}
