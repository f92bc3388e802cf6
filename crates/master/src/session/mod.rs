//! The farm's side of a worker: one supervised session each, control apart from bulk.

mod artifacts;
mod bulk;
mod control;
mod identity;
mod reconcile;
mod registry;
mod routes;
mod shared;
mod socket;

pub(crate) use identity::token_hash;
pub(crate) use registry::{Mail, Mailbox, Sessions};
pub(crate) use routes::routes;
