//! Changes and time become buildsets: a reconciler over unscheduled changes and due timers.

mod collapse;
mod pass;
mod submission;

pub(crate) use pass::run;
pub(crate) use submission::{Submission, first_builds, repository_of, stamps};
