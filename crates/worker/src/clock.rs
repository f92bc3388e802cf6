//! The worker's clocks: the only file that asks the system for the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use steading_wire::worker::Micros;

/// What time it is, for records that people and masters read.
#[expect(clippy::disallowed_methods, reason = "the worker's one wall clock")]
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A clock that never goes back, for deadlines where no async runtime is (the shepherd).
#[expect(clippy::disallowed_methods, reason = "the shepherd has no tokio clock")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
