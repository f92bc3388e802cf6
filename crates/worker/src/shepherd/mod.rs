//! The shepherd: a tiny process between the worker and each command a step runs.
//!
//! The worker starts its own binary under the name `steading-shepherd`, which therefore never
//! copies a big daemon's page tables, and may do what a daemon must not. It adopts every process
//! the command leaves behind, ends the whole tree when told to (or when the worker dies), and
//! tells how the command ended. Standard input is a socket to the worker: a [`Job`] comes in, then
//! perhaps one byte that means "end it"; one [`Verdict`] goes out. Standard output and standard
//! error are the step's own and are only handed down.

mod job;
mod ladder;
mod reaper;
mod serve;
mod tree;

pub(crate) use job::{Job, Verdict, read_frame, to_frame};
pub use serve::main;
pub(crate) use tree::end_session;
