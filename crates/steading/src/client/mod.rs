//! The client of `/api/v1`: the same anyone can write.

mod error;
mod find;
mod follow;
mod http;
mod sse;

pub(crate) use error::Error;
pub(crate) use find::farm_dir;
pub(crate) use follow::Stream;
pub(crate) use http::{Client, path_segment, query};
pub(crate) use sse::Message;
