//! The command: `steading up`, `run`, `check`, the servers, and the client verbs.
//!
//! A process called `steading-shepherd` is the worker's helper and nothing else: that is decided
//! before anything is parsed or started.

mod cli;
mod client;
mod clock;
mod error;
mod exit;
mod follow;
mod local;
mod output;
mod serve;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

/// What the worker calls itself when it starts a shepherd.
const SHEPHERD: &str = "steading-shepherd";

fn main() -> ExitCode {
    if std::env::args_os().next().is_some_and(|name| name == SHEPHERD) {
        return steading_worker::shepherd::main();
    }
    let cli = cli::Cli::parse();
    match cli::dispatch(cli) {
        Ok(exit) => exit.into(),
        Err(error) => error::report(&error).into(),
    }
}
