//! Room on the disk: how much workspaces and mirrors may take, and which go when it is too much.

mod evict;
mod keeper;
mod remove;
mod size;

pub(crate) use keeper::{Keeper, touch};
