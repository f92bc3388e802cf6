//! Following requests from submission to verdict, over the API everyone can call.

mod model;
mod tails;
mod watch;

pub(crate) use model::{Model, News, Request, label};
pub(crate) use tails::tails;
pub(crate) use watch::{Ended, watch};
