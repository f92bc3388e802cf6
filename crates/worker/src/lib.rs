//! The worker: dials the master, takes builds, runs their steps, keeps every byte until it is safe.
//!
//! `run` is the daemon. `session` talks to the master and is the one place where events meet;
//! `attempts` decides what is held and what follows (pure); `attempts::step` carries a step out by
//! `process`, `checkout` or `upload`; `capture` turns output into blocks, which `bulk` spools and
//! sends until they are acknowledged. Each command runs below a `shepherd`. What is absent: the
//! database, the configuration, any decision about what a step's end means.

mod attempts;
mod bulk;
mod capture;
mod checkout;
mod clock;
mod home;
mod options;
mod process;
mod session;
pub mod shepherd;
mod upload;
mod workspace;

pub use attempts::{Effect, Table};
pub use home::holder;
pub use options::{Error, LOG_BYTES_MAX, Master, ORPHAN_LIMIT, Options};
pub use session::run;
