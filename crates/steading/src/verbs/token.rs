//! `steading token`: make and revoke.

use std::io::Write as _;

use steading_wire::rest::{NewToken, Scope, Token};

use crate::cli::TokenCommand;
use crate::client::{Client, path_segment};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Makes a token and prints it, or revokes one.
pub(crate) async fn token(client: &Client, command: TokenCommand) -> Result<Exit, Error> {
    let (new, json) = match command {
        TokenCommand::Worker { name, valid, json } => (
            NewToken {
                name: format!("worker {name}"),
                scope: Scope::Worker,
                worker: Some(name),
                valid_s: valid,
            },
            json,
        ),
        TokenCommand::Admin { name, valid, json } => (plain(name, Scope::Admin, valid), json),
        TokenCommand::Read { name, valid, json } => (plain(name, Scope::Read, valid), json),
        TokenCommand::Revoke { name } => {
            client.delete(&format!("/tokens/{}", path_segment(&name))).await?;
            output::line(format!("token `{name}` is revoked"))?;
            return Ok(Exit::Green);
        }
    };
    let answer = client.post("/tokens", &new, None).await?;
    if json {
        output::json_line(&answer)?;
        return Ok(Exit::Green);
    }
    let token: Token = client.parse("/tokens", &answer)?;
    // The secret alone on stdout, so that `> file` makes a token file.
    output::line(&token.token)?;
    let name = &token.name;
    writeln!(
        std::io::stderr(),
        "token `{name}`: shown this once; `steading token revoke '{name}'` ends it"
    )?;
    Ok(Exit::Green)
}

fn plain(name: String, scope: Scope, valid_s: Option<i64>) -> NewToken {
    NewToken { name, scope, worker: None, valid_s }
}
