//! What a worker holds: which attempts, how far each is, what the master must still hear.

mod step;
mod table;

pub(crate) use step::{Assignment, Logs, Tools, broken, carry_out};
pub use table::{Effect, Table};
