//! `/api/v1`: history as lists and items, events as a stream, logs and artifacts as bytes; and
//! commands.
//!
//! `endpoints` is the one registration: routes, the OpenAPI document and the tests of access all
//! come from it.

mod answers;
mod artifacts;
mod commands;
mod endpoint;
mod endpoints;
mod events;
mod extract;
mod follow;
pub(crate) mod health;
mod lists;
mod logs;
mod openapi;
pub(crate) mod overview;
mod query;
mod ranges;
mod stream;

pub use endpoints::{Registered, registered};
pub use openapi::document;

pub(crate) use answers::Answers;
pub(crate) use endpoints::routes;
