//! What a worker holds: which attempts, how far each is, what the master must still hear.

mod effect;
mod held;
mod step;
mod table;

pub(crate) use effect::{Earlier, Effect, Known};
pub(crate) use step::{Assignment, Tools, broken, carry_out, job};
pub(crate) use table::Table;
