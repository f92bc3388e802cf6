//! Every invariant of the farm that can be judged over history, each a small function that yields
//! violations. `steading audit` runs them on a real farm; tests run them after what they did.
//!
//! Four ways to judge: `replay` walks the event stream and looks at each moment of the past, `rows`
//! looks at the present tables, the end of the replay compares the two, and `kept` compares rows
//! with the archive's bytes.
//!
//! Not judged here: I7 beyond "somebody works on every claimed request", whether a suspicion of the
//! farm was right (I8), and the order half of I11 (it needs the matcher and its policy).

mod check;
mod kept;
mod moments;
mod replay;
mod rows;
mod violation;
mod world;

pub use check::history;
pub use kept::{Kept, kept};
pub use replay::Follower;
pub use violation::Violation;

#[cfg(test)]
pub(crate) mod statements {
    //! Every statement of the audit, for the SQL lint.

    pub(crate) const ALL: &[&[(&str, &str)]] = &[super::kept::STATEMENTS, super::rows::STATEMENTS];
}
