//! Composition: a farm in one process, with what it needs around it.

mod error;

pub(crate) use error::Error;

use crate::cli::{MasterArgs, RunArgs, UpArgs, WorkerArgs};
use crate::exit::Exit;

pub(crate) fn up(_: UpArgs) -> Result<Exit, crate::error::Error> {
    Err(crate::error::Error::NotYet("up"))
}
pub(crate) fn run(_: RunArgs) -> Result<Exit, crate::error::Error> {
    Err(crate::error::Error::NotYet("run"))
}
pub(crate) fn master(_: MasterArgs) -> Result<Exit, crate::error::Error> {
    Err(crate::error::Error::NotYet("master"))
}
pub(crate) fn worker(_: WorkerArgs) -> Result<Exit, crate::error::Error> {
    Err(crate::error::Error::NotYet("worker"))
}
