//! What each farm function does with its arguments: read them, leave a draft, answer an object.

mod builder;
mod locks;
mod names;
mod policy;
mod repository;
mod scheduler;
mod step;
mod values;
mod worker;

pub(crate) use builder::builder;
pub(crate) use locks::{counting, exclusive, lock};
pub(crate) use policy::{aging, fair, highest, lowest, newest, oldest, policy};
pub(crate) use repository::git;
pub(crate) use scheduler::{choice, force, on_change, text};
pub(crate) use step::{checkout, shell, upload};
pub(crate) use values::{join, prop};
pub(crate) use worker::{worker, workers};
