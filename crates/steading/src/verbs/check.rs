//! `steading check`: is farm.star good?

use crate::cli::CheckArgs;
use crate::error::Error;
use crate::exit::Exit;

/// Checks.
pub(crate) fn check(_args: CheckArgs) -> Result<Exit, Error> {
    Err(Error::NotYet("check"))
}
