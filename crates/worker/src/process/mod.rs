//! Starting processes: the one place of the worker that does, always through a shepherd.

mod environment;
mod launcher;
mod run;

pub(crate) use environment::is_reserved;
pub(crate) use launcher::Launcher;
pub use run::Finished;
pub(crate) use run::{Command, DRAIN_MAX, failed, infrastructure, run};
