//! `steading run`: build once, here, and show it.

mod once;
mod requests;
mod verdict;

pub(crate) use once::run;
