//! The daemon's side of its shepherds: one task per slot that starts, finds, hears and buries them.

mod bury;
mod end;
mod found;
mod slot;
mod talk;

pub(crate) use bury::wait_free;
pub use end::end_shepherds;
pub(crate) use slot::{Said, Slots};
