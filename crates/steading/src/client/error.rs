//! Why the farm could not be asked, or what it said no with.

use std::path::PathBuf;

use steading_wire::problem::{Code, Problem};

use crate::exit::Exit;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no address in the data directory.
    #[error(
        "no farm is running in {}: start it with `steading up`, or name another with --farm or --url",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// Nobody answers.
    #[error("the farm at {url} does not answer: is it running? ({cause})")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// The address makes no sense.
    #[error("`{0}` is not an address of a farm: write it as http://HOST:PORT")]
    BadUrl(String),
    /// The farm understood and said no.
    #[error("{}", .0.detail)]
    Problem(Problem),
    /// Somebody answered, but not as a farm of this version does.
    #[error("{url} answered what this version of steading does not understand: {what}")]
    Strange {
        /// What was asked.
        url: String,
        /// What came back.
        what: String,
    },
    /// A file of the data directory cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

impl Error {
    /// The exit code: what the caller can mend is 2, what the farm must mend is 3.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Error::BadUrl(_) => Exit::Usage,
            Error::Problem(problem) => match problem.code {
                Code::Unavailable | Code::Internal => Exit::Infrastructure,
                _ => Exit::Usage,
            },
            _ => Exit::Infrastructure,
        }
    }

    /// Whether asking again soon may help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Error::NotRunning(_) | Error::Unreachable { .. } => true,
            Error::Problem(problem) => problem.code == Code::Unavailable,
            _ => false,
        }
    }
}
