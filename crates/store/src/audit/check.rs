//! Runs every check.

use super::{Violation, replay, rows};
use crate::{Error, Read};

/// Judges every invariant of history: the stream at each of its moments, the rows as they are, and
/// that the one folds to the other.
///
/// # Errors
/// Only when the database fails or holds what cannot be read.
pub fn history(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    let mut found = replay::events(r)?;
    for check in rows::CHECKS {
        found.extend(check(r)?);
    }
    Ok(found)
}
