//! The command's clock: the one place that asks the system for the time.

use steading_core::words::Micros;

/// Now, in microseconds since 1970.
pub(crate) fn now() -> Micros {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed to the rest")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
