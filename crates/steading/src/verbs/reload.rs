//! `steading reload`: read farm.star again.

use steading_wire::rest::Reloaded;

use crate::cli::JsonArgs;
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Reloads, and prints what changed.
pub(crate) async fn reload(client: &Client, args: JsonArgs) -> Result<Exit, Error> {
    let answer = client.post("/reload", &serde_json::json!({}), None).await?;
    if args.json {
        output::json_line(&answer)?;
        return Ok(Exit::Green);
    }
    let reloaded: Reloaded = client.parse("/reload", &answer)?;
    if reloaded.differences.is_empty() {
        output::line("nothing changed")?;
    }
    for difference in reloaded.differences {
        output::line(difference)?;
    }
    Ok(Exit::Green)
}
