//! What a worker holds: which attempts, how far each is, what the master must still hear.

mod effect;
mod held;
mod step;
mod table;

pub use effect::{Earlier, Effect, Known};
pub(crate) use step::{Assignment, Tools, broken, carry_out, job};
pub use table::Table;
