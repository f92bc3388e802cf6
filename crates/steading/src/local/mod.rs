//! The workers of this machine: a process for every `worker(…)` of the farm.
//!
//! Each is the same binary, started as anyone would start it elsewhere, with its token on standard
//! input. One that lives already, left by an earlier `up`, is adopted and never started twice.

mod living;
mod spawn;
mod supervise;
mod workers;

pub(crate) use workers::Workers;
