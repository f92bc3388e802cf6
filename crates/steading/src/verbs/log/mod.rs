//! `steading log`: what a build, or one of its steps, wrote.

mod follow;
mod print;
mod read;
mod sources;

pub(crate) use print::log;
