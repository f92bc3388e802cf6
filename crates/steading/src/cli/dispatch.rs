//! Who does what.

use std::path::PathBuf;

use super::{AuditArgs, CheckArgs, Cli, Command, MasterArgs, ReplayArgs, RunArgs, Target, UpArgs};
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::{serve, verbs};

/// Does what the command line says.
pub(crate) fn dispatch(cli: Cli) -> Result<Exit, Error> {
    let target = cli.target;
    let here = |path: Option<PathBuf>| path.or_else(|| target.farm.clone());
    match cli.command {
        Command::Up(args) => serve::up(UpArgs { path: here(args.path), ..args }),
        Command::Run(args) => serve::run(RunArgs { path: here(args.path), ..args }),
        Command::Master(args) => serve::master(MasterArgs { path: here(args.path), ..args }),
        Command::Worker(args) => serve::worker(args),
        Command::Check(args) => {
            let args = CheckArgs { path: here(args.path), ..args };
            client_runtime()?.block_on(verbs::check::check(args))
        }
        Command::Completions { shell } => verbs::completions::completions(shell),
        Command::Try(_) => Err(Error::NotYet("try")),
        command => client_runtime()?.block_on(ask(&target, command)),
    }
}

/// A client waits for one thing at a time: one thread is enough.
fn client_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

async fn ask(target: &Target, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Audit(args) => {
            let path = args.path.or_else(|| target.farm.clone());
            return verbs::audit::audit(AuditArgs { path, ..args }).await;
        }
        Command::Replay(args) => {
            let path = args.path.or_else(|| target.farm.clone());
            return verbs::replay::replay(ReplayArgs { path, ..args }).await;
        }
        Command::Show(args) => {
            return verbs::show::show(target, &args.noun, args.id.as_deref(), args.json).await;
        }
        _ => {}
    }
    let client = Client::find(target)?;
    match command {
        Command::Force(args) => verbs::force::force(&client, args).await,
        Command::Change(args) => verbs::change::change(&client, args).await,
        Command::List(args) => verbs::list::list(&client, args).await,
        Command::Log(args) => verbs::log::log(&client, args).await,
        Command::Explain(args) => verbs::explain::explain(&client, args).await,
        Command::Cancel(args) => verbs::cancel::cancel(&client, args).await,
        Command::Prioritize(args) => verbs::prioritize::prioritize(&client, args).await,
        Command::Rebuild(args) => verbs::rebuild::rebuild(&client, args).await,
        Command::Pause(args) => verbs::pause::pause(&client, args).await,
        Command::Resume(args) => verbs::pause::resume(&client, args).await,
        Command::Drain(args) => verbs::drain::drain(&client, args).await,
        Command::Reload(args) => verbs::reload::reload(&client, args).await,
        Command::Events(args) => verbs::events::events(&client, args).await,
        Command::Token { command } => verbs::token::token(&client, command).await,
        Command::Open => verbs::open::open(&client).await,
        other => unreachable!("{other:?} is done without a client"),
    }
}
