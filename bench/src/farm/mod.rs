//! A farm to measure: its processes, how it is asked, what it spends.

mod cost;
mod http;
mod up;

pub(crate) use cost::{Cost, cpu_s, resident_mb, tree_s};
pub(crate) use http::Http;
pub(crate) use up::{Farm, Size, steading};
