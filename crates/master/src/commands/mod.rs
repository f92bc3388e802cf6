//! What people ask of the farm: one file per verb.

mod cancel;
mod change;
mod force;
mod prioritize;
mod problem;
mod reload;
mod serve;
mod token;
mod worker;

pub(crate) use serve::run;
pub use token::TokenError;
pub(crate) use token::{owner_token, worker_token};
