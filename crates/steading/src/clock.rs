//! The command's clocks: the one place that asks the system for the time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steading_core::lifecycle::{FarmClock, TRUST};
use steading_core::words::Micros;
use steading_store::{Error, Store};

/// Now, in microseconds since 1970, as the machine's wall clock has it: for people.
pub(crate) fn now() -> Micros {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed to the rest")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The clock of a running farm, for its history and its deadlines. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Farm {
    clock: Arc<Mutex<FarmClock>>,
    /// The wall clock, which anybody may set at any time.
    wall: fn() -> Micros,
}

impl Farm {
    /// Begins with the wall's time.
    pub(crate) fn start() -> Farm {
        Farm::by(now)
    }

    fn by(wall: fn() -> Micros) -> Farm {
        let clock = FarmClock::new(wall(), ticks());
        Farm { clock: Arc::new(Mutex::new(clock)), wall }
    }

    /// What time it is on the farm.
    pub(crate) fn now(&self) -> Micros {
        // Whoever waited for the lock must not bring older readings than the one before.
        let mut clock = self.lock();
        clock.tell((self.wall)(), ticks())
    }

    fn lock(&self) -> MutexGuard<'_, FarmClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wall clock was set back while nobody was there: history goes on from its newest moment.
    pub(crate) async fn follow(&self, store: &Store) -> Result<(), Error> {
        let Some(newest) = store.read(|r| r.newest_event_at()).await? else { return Ok(()) };
        let ahead = newest.since(self.now());
        if !self.lock().not_before(newest) {
            tracing::error!(
                "history's newest event is {ahead} later than this machine's clock, which is more \
                 than {TRUST}: see whether the clock is right"
            );
        } else if ahead.0 > 1000 {
            tracing::warn!("this machine's clock is {ahead} behind history: it is followed slowly");
        }
        Ok(())
    }
}

/// What the machine ticked since it started, the time it slept included: nobody sets it.
fn ticks() -> Micros {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Micros(since.tv_sec.saturating_mul(1_000_000).saturating_add(since.tv_nsec / 1000))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Instant;

    use super::*;

    /// How far the wall clock was set.
    static SET_US: AtomicI64 = AtomicI64::new(0);
    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "how much time passes is what is compared with")]
    fn who_sets_the_wall_clock_moves_no_deadline() {
        let clock = Farm::by(|| Micros(now().0 + SET_US.load(Ordering::Relaxed)));
        let (began, ticks) = (clock.now(), Instant::now());
        let mut last = began;
        for set in [HOUR_US, 0, -HOUR_US, 24 * HOUR_US, 0] {
            SET_US.store(set, Ordering::Relaxed);
            let now = clock.now();
            // Drifting costs a tenth of what passed.
            let passed = i64::try_from(ticks.elapsed().as_micros()).expect("short") * 11 / 10;
            assert!(last <= now && now.0 - began.0 <= passed + 1_000, "set by {set} µs");
            last = now;
        }
    }

    #[tokio::test]
    async fn history_never_goes_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let ahead = Micros(now().0 + HOUR_US);
        let store = Store::open(steading_store::Options::new(dir.path(), move || ahead));
        let store = store.expect("opens");
        let write =
            |w: &mut steading_store::Write<'_>| w.farm_trouble("test", Some("for an event"));
        store.write("test", write).await.expect("written");
        let clock = Farm::start();
        assert!(clock.now() < ahead);
        clock.follow(&store).await.expect("read");
        let (first, second) = (clock.now(), clock.now());
        assert!(ahead <= first && first <= second);
    }
}
