//! Which moves are legal in the lives of requests, claims, builds, steps and workers.
//!
//! The tables are data: the store checks every write against them, `steading show lifecycle` prints
//! them. What is not listed is an error that names both states.

mod agree;
mod check;
mod clock;
pub mod deadlines;
mod moves;
mod tables;

pub use agree::{Agreement, agree};
pub use check::{Illegal, build, claim, request, step, worker};
pub use clock::{FarmClock, TRUST};
pub use moves::{BUILD, CLAIM, Move, REQUEST, STEP, WORKER};
pub use tables::{Row, Table, tables};
