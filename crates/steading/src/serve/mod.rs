//! Composition: a farm in one process, and what stands around it.

mod data;
mod error;
mod house;
mod listen;
mod log;
mod manager;
mod master;
mod run;
mod signals;
mod tokens;
mod up;
mod worker;

pub(crate) use data::Place;
pub(crate) use error::Error;
pub(crate) use master::master;
pub(crate) use run::run;
pub(crate) use up::up;
pub(crate) use worker::worker;
