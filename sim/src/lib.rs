//! A whole farm on one thread: the real core, store, archive, dispatch, sessions, builds and
//! janitor under a fake clock, between modelled links, machines and people, with faults drawn from
//! a seed.
//!
//! Nothing here is shipped. One run is a pure function of its plan: the same seed on the same
//! commit is the same run, event by event. The master lives on a runtime of its own whose clock
//! stands still until the world moves it; its store runs its sections inline and asks `disk` at
//! each commit whether the process dies there. A death drops the runtime and all that was in
//! memory, nothing else.

mod changes;
mod check;
mod content;
mod crash;
mod disk;
mod ends;
mod farm;
mod fault;
mod judge;
mod life;
mod machine;
mod mutant;
mod of2;
mod people;
mod phase;
mod process;
mod programs;
mod rng;
mod run;
mod scene;
mod shepherd;
mod shrink;
mod socket;
mod trace;
mod trouble;
mod world;

pub use crash::{Crashes, crashes};
pub use disk::{Cut, Hunt};
pub use fault::Fault;
pub use judge::Judged;
pub use mutant::Mutant;
pub use phase::{Coverage, PHASES};
pub use run::{Plan, Report, run};
pub use scene::Scene;
pub use shrink::shrink;
