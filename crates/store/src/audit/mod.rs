//! Every invariant of the farm that can be judged over history, each a small function that yields
//! violations. `steading audit` runs them on a real farm; tests run them after what they did.
//!
//! Three ways to judge: `replay` walks the event stream and looks at each moment of the past,
//! `rows` looks at the present tables, and the end of the replay compares the two.
//!
//! Not judged here: I7 beyond "somebody works on every claimed request", I8 and the order half of I11
//! (they need the matcher and its policy), and the half of I10 and I12 that needs the archive.

mod check;
mod moments;
mod replay;
mod rows;
mod violation;
mod world;

pub use check::history;
pub use violation::Violation;

#[cfg(test)]
pub(crate) use rows::STATEMENTS;
