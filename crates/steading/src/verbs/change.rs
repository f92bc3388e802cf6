//! `steading change`: tell of a change before the poller finds it.

use steading_wire::rest::{ChangesAdded, NewChange};

use crate::cli::ChangeArgs;
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Tells, and says whether it was news.
pub(crate) async fn change(client: &Client, args: ChangeArgs) -> Result<Exit, Error> {
    let body =
        NewChange { repository: args.repository, branch: args.branch, revision: args.revision };
    let answer = client.post("/changes", &body, None).await?;
    if args.json {
        output::json_line(&answer)?;
        return Ok(Exit::Green);
    }
    let added: ChangesAdded = client.parse("/changes", &answer)?;
    if added.changes.is_empty() {
        output::line("nothing new: the farm knows this revision already")?;
    }
    for change in added.changes {
        output::line(format!("change {change}"))?;
    }
    Ok(Exit::Green)
}
