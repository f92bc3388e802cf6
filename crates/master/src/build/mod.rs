//! From an accepted offer to the end of the steps: one driver per live build.
//!
//! A driver holds no state that history does not have: it looks, decides by `core::settle`, writes,
//! and tells the worker. It may be dropped at any instant and begun again.

mod accept;
mod advance;
mod arguments;
mod done;
mod driver;
mod primitive;
mod report;

pub(crate) use accept::{Refused, accept};
pub(crate) use driver::{drive, drive_from};
