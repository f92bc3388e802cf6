//! Where builds run: a directory per builder and slot.

mod name;
mod place;

pub(crate) use name::name;
pub(crate) use place::{below, create};
