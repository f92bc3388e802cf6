//! Which request goes to which worker: a reconciler that asks the matcher, claims, and offers.

mod bounds;
mod claim;
mod explain;
mod faults;
mod forecast;
mod news;
mod pass;
mod snapshot;
mod views;

pub(crate) use claim::need;
pub(crate) use explain::Looked;
pub(crate) use explain::{explain, queue};
pub(crate) use faults::note as note_faults;
pub(crate) use pass::run;

#[cfg(test)]
mod tests;
