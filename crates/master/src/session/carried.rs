//! Links over a socket that somebody else carries: the same sessions, without a network.

use axum::http::{HeaderMap, StatusCode};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::identity::authenticate;
use super::socket::Socket;
use super::{bulk, control};
use crate::context::Context;
use crate::spawn::spawn;

/// What a worker dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Small messages.
    Control,
    /// Bytes.
    Bulk,
}

/// A link that is served until either side ends it, or the status and sentence that refused it.
pub type Dialled = Result<JoinHandle<()>, (StatusCode, String)>;

/// Serves a link as if it had been dialled with these headers.
pub(crate) async fn dial(
    context: Context,
    shutdown: CancellationToken,
    link: Link,
    headers: &HeaderMap,
    socket: impl Socket,
) -> Dialled {
    let shown = authenticate(&context, headers).await?;
    Ok(match link {
        Link::Control => spawn("session", control::serve(context, shutdown, shown, socket)),
        Link::Bulk => spawn("bulk link", bulk::serve(context, shutdown, shown.token, socket)),
    })
}
