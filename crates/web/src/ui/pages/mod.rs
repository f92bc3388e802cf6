//! One function per page: read, view, render.

mod build;
mod lists;
mod queue;

use std::sync::Arc;

use axum::response::Response;
use serde::Serialize;

use super::answer::{Refusal, page};
use super::template::Templates;
use super::view::frame::{Frame, Reader};
use crate::{Caller, State};

pub(super) use build::{build, build_numbered, log};
pub(super) use lists::{builder, builders, changes, home, locks, schedulers, workers};
pub(super) use queue::{queue, request};

/// What pages work with.
#[derive(Clone)]
pub(super) struct Ui {
    /// What every handler works with.
    pub(super) state: State,
    /// How pages look.
    pub(super) templates: Arc<Templates>,
}

impl Ui {
    fn page<V: Serialize>(&self, name: &str, frame: &Frame, view: &V) -> Result<Response, Refusal> {
        page(&self.templates, name, frame, view)
    }
}

fn reader(caller: &Caller) -> Reader {
    Reader { name: caller.name.clone(), may_write: caller.may_write() }
}

/// A number from an address.
fn number(text: &str, what: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found(format!("there is no {what} `{text}`")))
}
