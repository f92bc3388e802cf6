//! Why a farm could not be started.

use crate::exit::Exit;

/// A farm that did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody can listen there.
    #[error("cannot listen on {listen}: {what}")]
    Listen {
        /// What was asked for.
        listen: String,
        /// Why not, and what to do.
        what: String,
    },
}

impl Error {
    /// The exit code: what the caller can mend is 2.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Error::Listen { .. } => Exit::Usage,
        }
    }
}
