//! Which request goes to which worker: a reconciler that asks the matcher, claims, and offers.

mod claim;
mod explain;
mod forecast;
mod pass;
mod snapshot;

pub(crate) use claim::need;
pub(crate) use explain::{explain, queue};
pub(crate) use pass::run;
pub(crate) use snapshot::request_view;
