//! Brings exactly one revision into a workspace: repository → mirror (once per worker) → workspace.
//!
//! Everything git says on stderr is in the step's log. Hooks never run, whoever put them there.

mod git;
mod mirror;
mod refused;
mod run;
mod tree;
mod whole;

pub(crate) use git::git_version;
pub(crate) use run::{Source, run};
