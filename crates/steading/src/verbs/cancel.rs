//! `steading cancel`: stop builds, or take requests back.

use steading_wire::rest::Why;

use super::build::build;
use crate::cli::CancelArgs;
use crate::client::{Client, path_segment};
use crate::error::Error;
use crate::exit::Exit;
use crate::follow::label;
use crate::output;

/// Cancels, and says what. All of them are looked up first: a name that is wrong stops nothing.
pub(crate) async fn cancel(client: &Client, args: CancelArgs) -> Result<Exit, Error> {
    let mut those = Vec::new();
    for id in &args.ids {
        those.push(if args.request {
            let path = format!("/requests/{}", path_segment(id));
            client.get_text(&path).await?;
            (path, format!("request {id} is cancelled"))
        } else {
            let build = build(client, id).await?;
            let path = format!("/builds/{}", output::text(&build, "id"));
            (path, format!("build {} is being cancelled", label(&build)))
        });
    }
    let why = Why { reason: args.why.reason };
    for (path, said) in those {
        client.post(&format!("{path}/cancel"), &why, None).await?;
        match args.json {
            true => output::json_line(&client.get_text(&path).await?)?,
            false => output::line(said)?,
        }
    }
    Ok(Exit::Green)
}
