//! Sends files of a workspace to the archive. Nothing outside of the workspace can be sent.

mod open;
mod run;
mod select;
mod send;

pub(crate) use run::{Target, run};
