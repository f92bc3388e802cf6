//! The worker: dials the master, takes builds, runs their steps, keeps every byte until it is safe.
//!
//! `run` is the daemon. `session` talks to the master and is the one place where events meet: the
//! daemon waits for them, `Work` decides without waiting what is done about each, so that the
//! simulation has the same one. `attempts` decides what is held and what follows (pure). A command
//! of a step is run by the `shepherd` of its slot, a process that outlives the daemon; what the
//! daemon does itself is `checkout` and `upload`. Both write the step's file in the `spool`, from
//! which `bulk` sends until all is acknowledged, and from which the next daemon knows what this one
//! held; `slots` finds and hears shepherds, `room` keeps workspaces and mirrors within their
//! limits. What is absent: the database, the configuration, any decision about what a step's end
//! means.

mod attempts;
mod boot;
mod bulk;
mod capture;
mod checkout;
mod clock;
mod home;
mod options;
mod process;
mod room;
mod session;
pub mod shepherd;
mod slots;
pub mod spool;
mod upload;
mod workspace;

pub use home::holder;
pub use options::{Error, LOG_BYTES_MAX, Master, ORPHAN_LIMIT, Options, Shutdown};
pub use process::Finished;
pub use session::{Order, Work, run};
pub use slots::end_shepherds;

/// Does what waits for a disk: other tasks go on meanwhile, where there are threads for them.
pub(crate) fn in_place<T>(wait: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor::MultiThread};
    let many = Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == MultiThread);
    if many { tokio::task::block_in_place(wait) } else { wait() }
}
