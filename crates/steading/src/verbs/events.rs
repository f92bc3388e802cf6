//! `steading events`: what happens, one JSON object a line.

use crate::cli::EventsArgs;
use crate::client::{Client, Stream, query};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Prints events: those there are, or with `-f` those to come as well.
pub(crate) async fn events(client: &Client, args: EventsArgs) -> Result<Exit, Error> {
    let nouns = args.nouns.join(",");
    // Without `-f` there is nothing but the past: all of it, unless told where to begin.
    let since = args.since.or((!args.follow).then_some(0)).map(|seq| seq.to_string());
    let mut pairs = Vec::new();
    if let Some(since) = &since {
        pairs.push(("since", since.as_str()));
    }
    if !nouns.is_empty() {
        pairs.push(("noun", nouns.as_str()));
    }
    let mut events = if args.follow {
        Stream::new(client, query("/events", pairs))
    } else {
        pairs.push(("follow", "false"));
        Stream::once(client, query("/events", pairs))
    };
    while let Some(message) = events.next().await? {
        output::json_line(&message.data)?;
    }
    Ok(Exit::Green)
}
