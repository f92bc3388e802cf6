//! What people ask of the farm: one file per verb.

mod cancel;
mod change;
mod force;
mod pause;
mod prioritize;
mod problem;
mod reload;
mod serve;
mod token;

pub(crate) use cancel::cancel_the_rest;
pub(crate) use serve::run;
pub use token::TokenError;
pub(crate) use token::{owner_token, worker_token};
