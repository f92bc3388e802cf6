//! The worker's clocks: the only file that asks the system for the time.

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use steading_core::lifecycle::FarmClock;
use steading_wire::worker::Micros;

/// The clock of this process, from its first record on.
static CLOCK: Mutex<Option<FarmClock>> = Mutex::new(None);

/// What time it is, for records that people and masters read: the wall's, but whoever sets that
/// makes no step end before it began, and no line come before the one above it.
pub(crate) fn now() -> Micros {
    // Whoever waited for the lock must not bring older readings than the one before.
    let mut clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let (wall, ticks) = (wall(), ticks());
    clock.get_or_insert_with(|| FarmClock::new(wall, ticks)).tell(wall, ticks)
}

/// What the machine ticked since it started, the time it slept included: nobody sets it.
fn ticks() -> Micros {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Micros(since.tv_sec.saturating_mul(1_000_000).saturating_add(since.tv_nsec / 1000))
}

#[expect(clippy::disallowed_methods, reason = "the worker's one wall clock")]
fn wall() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A clock that never goes back, for deadlines where no async runtime is (the shepherd).
#[expect(clippy::disallowed_methods, reason = "the shepherd has no tokio clock")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_walls_time_and_never_goes_back() {
        let before = wall();
        let times: Vec<Micros> = (0..1000).map(|_| now()).collect();
        assert!(times.is_sorted());
        assert!(before <= times[0] && times[999].since(wall()).0.abs() < 5_000_000);
    }
}
