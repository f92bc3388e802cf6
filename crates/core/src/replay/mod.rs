//! What if: a stretch of recorded history run again through the matcher, under any policy.
//!
//! A [`World`] says what was asked for and when, and which workers were there; [`replay`] runs it
//! as a discrete-event simulation and reports who waited how long. [`compare`] says where two
//! reports part. Time is the world's own, there is no randomness: the same world and policy give
//! the same report, always.
//!
//! What is simplified: a build takes as long on one worker as on another, and runs to its end also
//! when its worker is lost meanwhile; step locks do not delay it; an attempt is never repeated.

mod agenda;
mod compare;
mod folding;
mod report;
mod scene;
mod seat;
mod tally;
mod waits;
mod world;

pub use compare::{Changed, Difference, Shift, compare};
pub use report::{Busy, Decision, Fate, Never, Report, Waiter};
pub use scene::replay;
pub use waits::Waits;
pub use world::{Arrival, Length, PastWorker, Running, World};
