//! What the routes share.

use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// The state of every handler.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// The master.
    pub(super) context: Context,
    /// Ends links when the master stops.
    pub(super) shutdown: CancellationToken,
}
