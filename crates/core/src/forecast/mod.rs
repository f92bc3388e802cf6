//! When will a waiting request start, and what would make it start earlier?
//!
//! An [`Outlook`] is a moment of the farm with what history teaches about durations. [`expect`]
//! follows the farm from there, twice: once as if every build took as long as half of its builder's
//! do, once as if it took as long as nine of ten. [`what_if`] does the same with one thing changed.
//! Nothing is random, and the work is bounded by [`Outlook::decisions_max`]: what lies beyond is
//! answered as "later than".
//!
//! What is simplified: nothing more is submitted, no worker comes or goes, a build takes as long on
//! one worker as on another, and locks of steps to come delay nobody.

mod outlook;
mod run;
mod starts;
mod usual;
mod what_if;

pub use outlook::{Live, Outlook, Seat};
pub use starts::{Expected, Start, expect, may_start};
pub use usual::{Usual, of_farm};
pub use what_if::{Change, WhatIf, what_if};
