//! A farm of one test: it owns the directory, the repository and every process it starts.

mod chromium;
mod client;
mod feed;
mod fixture;
mod folded;
mod process;
mod repository;
mod sweep;
mod wait;

pub(crate) use chromium::Chromium;
pub(crate) use client::Client;
pub(crate) use feed::Feed;
pub(crate) use fixture::Farm;
pub(crate) use folded::Folded;
pub(crate) use process::{Output, STEADING};
pub(crate) use sweep::{kill_all, kill_once, processes};
pub(crate) use wait::{runtime, until, until_in};
