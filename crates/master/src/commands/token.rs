//! Tokens: 256 random bits, shown once, stored hashed.

use steading_core::words::Duration;
use steading_store::{NewToken, Store};
use steading_wire::command::Answer;
use steading_wire::problem::{Code, Problem};
use steading_wire::rest::{self, Scope};

use super::problem::problem;
use crate::context::Context;
use crate::session::token_hash;

/// How long a browser's one-time link works.
const LINK_VALID: Duration = Duration::seconds(600);

/// Makes a token.
pub(super) async fn add(context: &Context, new: rest::NewToken) -> Result<Answer, Problem> {
    if new.scope == Scope::Worker && new.worker.is_none() {
        return Err(Problem::new(Code::BadRequest, "a worker token names its worker"));
    }
    let valid = match (new.scope, new.valid_s) {
        (_, Some(seconds)) if seconds > 0 => Some(Duration::seconds(seconds)),
        (_, Some(_)) => {
            return Err(Problem::new(Code::BadRequest, "`valid_s` must be greater than 0"));
        }
        (Scope::Browser, None) => Some(LINK_VALID),
        (_, None) => None,
    };
    let token = secret().map_err(|text| Problem::new(Code::Internal, text))?;
    let stored = Stored { name: new.name.clone(), scope: new.scope, worker: new.worker, valid };
    keep(&context.store, stored, &token).await.map_err(problem)?;
    Ok(Answer::Token(rest::Token { name: new.name, token }))
}

/// Forgets a token.
pub(super) async fn revoke(context: &Context, name: String) -> Result<Answer, Problem> {
    let missing = format!("there is no token `{name}`");
    let revoke = context.store.write("command.revoke", move |w| w.revoke_token(&name));
    match revoke.await.map_err(problem)? {
        true => Ok(Answer::Done),
        false => Err(Problem::new(Code::NotFound, missing)),
    }
}

struct Stored {
    name: String,
    scope: Scope,
    worker: Option<String>,
    valid: Option<Duration>,
}

async fn keep(store: &Store, stored: Stored, token: &str) -> Result<(), steading_store::Error> {
    let hash = token_hash(token);
    let add = store.write("token.add", move |w| {
        w.add_token(&NewToken {
            name: stored.name.clone(),
            scope: stored.scope.word().to_owned(),
            hash: hash.clone(),
            worker: stored.worker.clone(),
            expires_at: stored.valid.map(|valid| w.now().plus(valid)),
        })
    });
    add.await
}

/// The token of whoever started the farm; a new one at each start.
pub(crate) async fn owner_token(store: &Store) -> Result<String, TokenError> {
    let token = secret().map_err(TokenError::Random)?;
    let stored =
        Stored { name: "owner".to_owned(), scope: Scope::Admin, worker: None, valid: None };
    keep(store, stored, &token).await?;
    Ok(token)
}

/// A token for a worker process on this machine, to be passed to it by an inherited descriptor.
pub(crate) async fn worker_token(store: &Store, worker: &str) -> Result<String, TokenError> {
    let token = secret().map_err(TokenError::Random)?;
    let stored = Stored {
        name: format!("local worker {worker}"),
        scope: Scope::Worker,
        worker: Some(worker.to_owned()),
        valid: None,
    };
    keep(store, stored, &token).await?;
    Ok(token)
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system gave no randomness.
    #[error("cannot make a token: {0}")]
    Random(String),
    /// History.
    #[error(transparent)]
    Store(#[from] steading_store::Error),
}

fn secret() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(hex::encode(bytes))
}
