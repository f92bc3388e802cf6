//! The command line: what it accepts, and who does it.

mod args;
mod dispatch;
mod examples;
#[cfg(test)]
mod tests;

pub(crate) use args::{
    AuditArgs, CancelArgs, ChangeArgs, CheckArgs, Cli, Command, DrainArgs, EventsArgs, ExplainArgs,
    ForceArgs, JsonArgs, ListArgs, LogArgs, MasterArgs, PauseArgs, PrioritizeArgs, RebuildArgs,
    ReplayArgs, ResumeArgs, RunArgs, Target, TokenCommand, UpArgs, WorkerArgs,
};
pub(crate) use dispatch::dispatch;
