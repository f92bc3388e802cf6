//! Which page is where.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::template::Templates;
use super::{asset, forms, pages};
use crate::State;

/// The environment variable that names a directory of templates to use in place of ours.
const TEMPLATES: &str = "STEADING_TEMPLATES";

/// The pages, to be merged below the guard.
pub fn routes(state: State) -> Router {
    let directory = std::env::var_os(TEMPLATES).map(PathBuf::from);
    let ui = pages::Ui { state, templates: Arc::new(Templates::new(directory)) };
    Router::new()
        .route("/", get(pages::home))
        .route("/builders", get(pages::builders))
        .route("/builders/{name}", get(pages::builder))
        .route("/builders/{name}/force", post(forms::force))
        .route("/builders/{name}/builds/{number}", get(pages::build_numbered))
        .route("/builders/{name}/builds/{number}/log/{step}", get(pages::log))
        .route("/builds/{id}", get(pages::build))
        .route("/builds/{id}/rebuild", post(forms::rebuild))
        .route("/builds/{id}/cancel", post(forms::cancel_build))
        .route("/requests/{id}", get(pages::request))
        .route("/requests/{id}/cancel", post(forms::cancel_request))
        .route("/requests/{id}/prioritize", post(forms::prioritize))
        .route("/workers", get(pages::workers))
        .route("/builders/{name}/pause", post(forms::pause_builder))
        .route("/builders/{name}/resume", post(forms::resume_builder))
        .route("/schedulers/{name}/pause", post(forms::pause_scheduler))
        .route("/schedulers/{name}/resume", post(forms::resume_scheduler))
        .route("/farm/pause", post(forms::pause_farm))
        .route("/farm/resume", post(forms::resume_farm))
        .route("/workers/{name}/pause", post(forms::pause_worker))
        .route("/workers/{name}/resume", post(forms::resume_worker))
        .route("/queue", get(pages::queue))
        .route("/changes", get(pages::changes))
        .route("/schedulers", get(pages::schedulers))
        .route("/locks", get(pages::locks))
        .route("/favicon.ico", get(asset::icon))
        .route("/assets/{hash}/{name}", get(asset::serve))
        .with_state(ui)
}
