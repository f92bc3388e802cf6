//! Is it alive, is it ready, and how is it: `/healthz`, `/readyz`, `/farm`.

use axum::Json;
use axum::extract;
use steading_wire::problem::Code;
use steading_wire::rest;

use super::overview::Overview;
use crate::{Failure, State};

/// Alive: this process answers. Nothing is asked of anybody else.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: history can be read, and nobody said stop.
pub(crate) async fn readyz(
    extract::State(state): extract::State<State>,
) -> Result<&'static str, Failure> {
    if state.stopping.is_cancelled() {
        return Err(Failure::new(Code::Unavailable, "the farm is stopping"));
    }
    state.store.read(|r| r.newest_seq()).await?;
    Ok("ready\n")
}

pub(super) async fn farm(
    extract::State(state): extract::State<State>,
) -> Result<Json<rest::Farm>, Failure> {
    let overview = state.store.read(Overview::read).await?;
    Ok(Json(overview.farm(state.version)))
}
