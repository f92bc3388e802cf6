//! `steading open`: a link that signs a browser in, once.

use std::process::Stdio;

use steading_wire::rest::{NewToken, Scope, Token};

use crate::client::{Client, path_segment};
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// How long the link may be used.
const VALID_S: i64 = 300;

/// Prints the link, and opens it where there is a display.
pub(crate) async fn open(client: &Client) -> Result<Exit, Error> {
    let new = NewToken {
        name: format!("sign-in {}", clock::now().0),
        scope: Scope::Browser,
        worker: None,
        valid_s: Some(VALID_S),
    };
    let token: Token = client.ask("/tokens", &new).await?;
    let link = format!("{}/signin?code={}", client.base(), path_segment(&token.token));
    output::line(&link)?;
    if ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some()) {
        show(&link);
    }
    Ok(Exit::Green)
}

/// The printed link is the answer; a browser that does not come is no error.
fn show(link: &str) {
    #[expect(clippy::disallowed_methods, reason = "the command starts the person's own browser")]
    let mut opener = std::process::Command::new("xdg-open");
    let _ =
        opener.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}
