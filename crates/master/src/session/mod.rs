//! The farm's side of a worker: one supervised session each, control apart from bulk.

mod artifacts;
mod bulk;
mod carried;
mod control;
mod identity;
mod reconcile;
mod registry;
mod routes;
mod shared;
mod socket;

pub(crate) use carried::dial;
pub use carried::{Dialled, Link};
pub(crate) use identity::token_hash;
pub(crate) use registry::{Mail, Mailbox, Sessions};
pub(crate) use routes::routes;
pub use socket::Socket;
