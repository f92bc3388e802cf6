//! Why a farm could not be started.

use std::io;
use std::path::PathBuf;

use steading_store::OpenError;

use crate::exit::Exit;

/// A farm that did not start, or did not stop in order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// farm.star is broken; what is wrong is printed as it is.
    #[error("{}: nothing was started", what(.0))]
    Configuration(steading_config::Errors),
    /// There is no farm there.
    #[error("{} has no farm.star: give the farm's directory", .0.display())]
    NoFarm(PathBuf),
    /// Nobody can listen there.
    #[error("cannot listen on {listen}: {what}")]
    Listen {
        /// What was asked for.
        listen: String,
        /// Why not, and what to do.
        what: String,
    },
    /// The data directory is not ours to use.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The archive of logs and artifacts does not open.
    #[error("cannot open the archive: {0}")]
    Archive(#[from] steading_store::archive::Error),
    /// History failed.
    #[error(transparent)]
    Store(#[from] steading_store::Error),
    /// The master did not start.
    #[error(transparent)]
    Master(#[from] steading_master::Error),
    /// A token could not be made.
    #[error("cannot make a token: {0}")]
    Token(String),
    /// The worker ended, or could not begin.
    #[error(transparent)]
    Worker(#[from] steading_worker::Error),
    /// A file failed; the message names it.
    #[error(transparent)]
    File(#[from] io::Error),
}

fn what(errors: &steading_config::Errors) -> String {
    match errors.0.len() {
        1 => format!("{errors}\n\n1 error in the configuration"),
        n => format!("{errors}\n\n{n} errors in the configuration"),
    }
}

impl Error {
    /// The exit code: what the caller can mend is 2.
    pub(crate) fn exit(&self) -> Exit {
        use steading_worker::Error as Worker;
        match self {
            Error::Configuration(_)
            | Error::NoFarm(_)
            | Error::Listen { .. }
            | Error::Open(
                OpenError::InUse { .. } | OpenError::Newer { .. } | OpenError::Missing { .. },
            )
            | Error::Worker(
                Worker::Busy { .. }
                | Worker::Address { .. }
                | Worker::Unauthorized { .. }
                | Worker::Rejected { .. },
            ) => Exit::Usage,
            _ => Exit::Infrastructure,
        }
    }
}
