//! What a step prints: stdout and stderr apart, every byte, stamped with its arrival.

mod activity;
mod log;
mod pump;
mod tail;

pub(crate) use activity::Activity;
pub(crate) use log::{LogWriter, Logs, TAIL_EVERY};
pub(crate) use pump::{READ_BYTES, Sink, pump};
pub(crate) use tail::LastLines;
