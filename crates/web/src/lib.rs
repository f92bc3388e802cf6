//! HTTP: the API, the pages and who may see them, over history, archive and a command handle.
//!
//! `routes(state)` is the whole of it. What is absent: decisions (handlers extract, call and
//! render), writing (only the master writes; we send it commands) and any trust in a header that
//! names a peer.

pub mod api;
pub mod auth;
mod failure;
mod metrics;
mod newest;
mod router;
mod state;
pub mod ui;

pub use auth::Caller;
pub use failure::Failure;
pub use router::routes;
pub use state::{Options, State};
