//! What workers dial.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use steading_wire::worker::MESSAGE_BYTES_MAX;
use tokio_util::sync::CancellationToken;

use super::identity::authenticate;
use super::shared::Shared;
use super::{artifacts, bulk, control};
use crate::context::Context;

/// What a link reads at once, in bytes. Every connection keeps a buffer of that size and clears it
/// at each read, so that a farm's worth of idle workers is paid for by the buffer.
const CONTROL_READ_BYTES: usize = 4 << 10;
const BULK_READ_BYTES: usize = 16 << 10;

/// `/worker/v1/*`: control, bulk, artifacts.
pub(crate) fn routes(context: Context, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/worker/v1/control", get(dial_control))
        .route("/worker/v1/bulk", get(dial_bulk))
        .route("/worker/v1/artifacts", put(artifacts::store).layer(DefaultBodyLimit::disable()))
        .with_state(Shared { context, shutdown })
}

async fn dial_control(
    State(shared): State<Shared>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match authenticate(&shared.context, &headers).await {
        Err(refused) => refused.into_response(),
        Ok(shown) => {
            let upgrade = upgrade.read_buffer_size(CONTROL_READ_BYTES);
            upgrade.max_message_size(MESSAGE_BYTES_MAX).on_upgrade(move |socket| {
                control::serve(shared.context, shared.shutdown, shown, socket)
            })
        }
    }
}

async fn dial_bulk(
    State(shared): State<Shared>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    match authenticate(&shared.context, &headers).await {
        Err(refused) => refused.into_response(),
        Ok(shown) => {
            let upgrade = upgrade.read_buffer_size(BULK_READ_BYTES);
            upgrade.max_message_size(MESSAGE_BYTES_MAX).on_upgrade(move |socket| {
                bulk::serve(shared.context, shared.shutdown, shown.token, socket)
            })
        }
    }
}
