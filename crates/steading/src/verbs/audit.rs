//! `steading audit`: every invariant over history and archive.

use crate::cli::AuditArgs;
use crate::error::Error;
use crate::exit::Exit;

/// Audits.
pub(crate) async fn audit(_args: AuditArgs) -> Result<Exit, Error> {
    Err(Error::NotYet("audit"))
}
