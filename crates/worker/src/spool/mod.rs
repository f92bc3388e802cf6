//! What a worker must not forget: its attempts, their output and how their steps ended, on disk
//! until the master has it.
//!
//! One file per step of an attempt, and one for its acceptance (step 0). A file has one writer:
//! the shepherd that runs the step, or the daemon for what it does itself. It is the whole truth
//! about its step; whoever reads it needs to have been told nothing. What travels between
//! shepherd and daemon are only hints to look again.

mod log;
mod record;
mod step;
mod store;
mod stream;

pub use log::{Due, Span};
pub use record::{Begin, HEAD, Record, Records, StepBegin, Unreadable, encode};
pub use step::StepFile;
pub use store::{Found, Spool};
pub use stream::Stream;
