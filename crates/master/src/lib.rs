//! The imperative shell, in the order in which a change travels: intake, schedule, dispatch,
//! session, build, settle; beside them commands and the janitor. It carries decisions out and makes
//! none.
//!
//! What is absent: SQL, Starlark, HTML, and any state that history does not have. Every loop is a
//! reconciler: it looks at history, does what is missing, and may be stopped at any instant.

mod build;
mod commands;
mod context;
mod disk;
mod dispatch;
mod farms;
pub mod intake;
mod janitor;
mod programs;
mod report;
mod reset;
mod schedule;
mod sections;
mod session;
mod settle;
mod spawn;
mod start;

pub use commands::TokenError;
pub use farms::{FarmError, Farms, Present};
pub use programs::{Play, Programs};
pub use sections::SECTIONS;
pub use session::{Dialled, Link, Socket};
pub use start::{Error, Master, Options, Running, Sources, Stop, start};
