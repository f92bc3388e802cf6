//! A deep queue against an almost empty one, end to end: real masters, real workers, real
//! processes.

mod report;
mod round;
mod run;

pub(crate) use round::{Round, fill, round};
pub(crate) use run::{Options, run};
