//! What a refusal is to whoever asked.

use steading_store::Error;
use steading_wire::problem::{Code, Problem};

use crate::farms::FarmError;

/// What a store's refusal is to whoever asked.
pub(super) fn problem(error: Error) -> Problem {
    let code = match &error {
        Error::NotFound { .. } => Code::NotFound,
        Error::Stale(_) | Error::Illegal(_) => Code::Conflict,
        Error::Busy { .. } | Error::Closed | Error::DiskFull { .. } => Code::Unavailable,
        Error::BadQuery(_) => Code::BadRequest,
        Error::Panicked { .. } | Error::Database(_) | Error::Corrupt { .. } => Code::Internal,
    };
    Problem::new(code, error.to_string())
}

/// What a farm's refusal is to whoever asked.
pub(super) fn farm_problem(error: FarmError) -> Problem {
    match error {
        FarmError::Store(error) => problem(error),
        FarmError::Broken(errors) => Problem::new(Code::BadConfiguration, errors.to_string()),
        FarmError::Panicked(_) => Problem::new(Code::Internal, error.to_string()),
    }
}
