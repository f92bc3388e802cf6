//! Waiting for conditions, and for what is asynchronous underneath.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;

/// How long anything in a test may take before the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// How often a condition is looked at that nobody can tell us of.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until there is an answer; fails, naming what was waited for, when there is none in time.
#[track_caller]
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_in(DEADLINE, what, look)
}

/// The same where it may take this long.
#[track_caller]
pub(crate) fn until_in<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < give_up, "in {limit:?} there was no end of: {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// The one runtime under the tests' clients; the tests themselves are plain threads.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}
