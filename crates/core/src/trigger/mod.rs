//! What a change or the time sets off: pure functions with the clock as an argument.

mod branches;
mod collapse;
mod force;
mod react;
mod timer;
mod wish;

pub use branches::{BranchMove, COMMITS_MAX, Identity, branch_moves, identities};
pub use collapse::{Newcomer, alike, may_absorb};
pub use force::{ForceError, Forced, RESERVED, force};
pub use react::{Reaction, due, fired, held_back, next_wake, on_change};
pub use timer::Timer;
pub use wish::Wish;
