//! What each farm function does with its arguments: read them, leave a draft, answer an object.

mod builder;
mod locks;
mod names;
mod notify;
mod policy;
mod repository;
mod scheduler;
mod sizes;
mod step;
mod values;
mod worker;

pub(crate) use builder::builder;
pub(crate) use locks::{counting, exclusive, lock};
pub(crate) use notify::{mail, notify, webhook};
pub(crate) use policy::{aging, fair, highest, lowest, newest, oldest, policy};
pub(crate) use repository::git;
pub(crate) use scheduler::{choice, force, on_change, text};
pub(crate) use sizes::keep_free;
pub(crate) use step::{checkout, shell, upload};
pub(crate) use values::{join, prop};
pub(crate) use worker::{worker, workers};
