//! The client verbs, a file each.

pub(crate) mod audit;
mod build;
pub(crate) mod cancel;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod drain;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod force;
mod held;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod open;
pub(crate) mod pause;
pub(crate) mod prioritize;
pub(crate) mod rebuild;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod show;
pub(crate) mod token;
mod wait;
