//! What a worker holds: which attempts, how far each is, what the master must still hear.

mod step;
mod table;

pub(crate) use step::{Assignment, Tools, broken, carry_out, close_lost, job};
pub use table::{Earlier, Effect, Known, Table};
