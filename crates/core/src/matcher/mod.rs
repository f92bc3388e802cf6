//! Which request goes to which worker next, exactly, and why the others do not.
//!
//! A [`Matcher`] owns what it knows: pending requests, workers, and who holds slots and locks. It
//! is driven by plain calls; [`Matcher::next`] names the best tuple, [`Matcher::take`] books it.
//! [`Matcher::explain`] and [`Matcher::order`] are for snapshots: clone the matcher, ask the clone.
//!
//! Feasible = the worker is allowed for the builder · meets its requirements · accepts builds ·
//! has a free slot and runs fewer builds than its `max_builds` · `allow` says yes · every lock is
//! grantable. The order compares the policy's
//! terms one after the other; ties end with the lower request id, then the lesser worker name.
//!
//! Lock reservation: tuples are visited best first. One whose only obstacle is a lock reserves what
//! its request wants (farm-wide units, and units of that worker) against every tuple after it; the
//! first whose locks fit beside what is held and reserved is the match. So a large or exclusive
//! waiter cannot be starved by small ones; what idles meanwhile may be used by builds that are over
//! in time, where the policy says so (`backfill`). How that is decided without looking at every
//! pair is told in `live`; `pass` does look at every pair, for explaining.

mod backfill;
mod books;
mod candidate;
mod cost;
mod eligible;
mod explain;
mod explanation;
mod facts;
mod keys;
mod limits;
mod live;
mod locks;
mod memo;
mod order;
mod pass;
mod say;
mod scene;
mod state;
mod steps;
mod why;

pub use backfill::{Backfill, NoBackfill, Pace};
pub use books::HoldingId;
pub use candidate::{Candidate, Holding, Match, NotNow, Recipe, Size, TermValue};
pub use cost::Cost;
pub use eligible::could_run;
pub use explanation::{Explanation, LockUse, Share, Verdict, WorkerGroup};
pub use keys::FaultReport;
pub use locks::grantable;
pub use scene::Scene;
pub use state::Matcher;
pub use steps::{Start, Waiting};
pub use why::Why;
