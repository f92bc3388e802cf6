//! The whole of a configuration: what only all its declarations together can tell.

mod builders;
mod cycles;
mod farm;
mod notifiers;
mod samples;
mod schedulers;
mod workers;

pub(crate) use farm::farm;
pub(crate) use samples::unknown_attributes;
