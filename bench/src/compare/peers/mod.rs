//! The systems that are compared: how each is prepared, started and asked.

mod buildbot;
mod kit;
mod laminar;
mod postgres;
mod slurm;
mod steading;

pub(crate) use buildbot::{Buildbot, BuildbotFarm};
pub(crate) use kit::Peers;
pub(crate) use laminar::Laminar;
pub(crate) use postgres::Postgres;
pub(crate) use slurm::Slurm;
pub(crate) use steading::SteadingFarm;
