//! The farm's time: the wall's, but it never jumps. Deadlines are spans between two moments of it.

use crate::words::{Duration, Micros};

/// How much slower or faster than the machine the farm's time may run, while it catches up with a
/// wall clock that was set: one part in so many. A deadline of ten minutes is a minute off then.
const SLEW: i64 = 10;
/// How far behind what history says the wall's time may be when the farm starts and still be
/// mistaken: whatever is later than that was written by a clock that was wrong.
pub const TRUST: Duration = Duration::seconds(24 * 3600);

/// Tells the time of a farm from a wall clock, which somebody may set, and a monotonic one, which
/// only ticks. It goes as the machine ticks and drifts towards the wall, so it never goes back, and
/// a wall clock that is set by an hour neither makes everything overdue nor holds everything up.
#[derive(Debug, Clone)]
pub struct FarmClock {
    told: Micros,
    ticks: Micros,
    /// Ticks that allowed no whole microsecond of drift yet.
    spare: i64,
}

impl FarmClock {
    /// Begins with the wall's time.
    #[must_use]
    pub fn new(wall: Micros, ticks: Micros) -> FarmClock {
        FarmClock { told: wall, ticks, spare: 0 }
    }

    /// What time it is, given what both clocks say now.
    pub fn tell(&mut self, wall: Micros, ticks: Micros) -> Micros {
        let passed = ticks.0.saturating_sub(self.ticks.0).max(0);
        self.ticks = self.ticks.max(ticks);
        let allowed = self.spare.saturating_add(passed);
        self.spare = allowed % SLEW;
        let drift = allowed / SLEW;
        let straight = self.told.0.saturating_add(passed);
        let off = wall.0.saturating_sub(straight).clamp(-drift, drift);
        // What was spared may allow more drift than has passed: never back.
        self.told = self.told.max(Micros(straight.saturating_add(off)));
        self.told
    }

    /// History was written up to this moment: what comes is not earlier, unless that would be more
    /// than `TRUST` from the wall's time. Says whether the moment is believed.
    pub fn not_before(&mut self, newest: Micros) -> bool {
        let believed = newest <= self.told.plus(TRUST);
        if believed {
            self.told = self.told.max(newest);
        }
        believed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3600 * SECOND;

    #[test]
    fn it_is_the_walls_time_while_nobody_sets_it() {
        let mut clock = FarmClock::new(Micros(HOUR), Micros(5));
        for at in [0, 1, 2, 30, SECOND, HOUR, 100 * HOUR] {
            assert_eq!(clock.tell(Micros(HOUR + at), Micros(5 + at)), Micros(HOUR + at));
        }
    }

    #[test]
    fn a_wall_that_is_set_by_an_hour_is_followed_slowly() {
        for set in [-HOUR, HOUR] {
            let mut clock = FarmClock::new(Micros(0), Micros(0));
            let mut tell = |at: i64| clock.tell(Micros(at + set), Micros(at)).0;
            let minute = 60 * SECOND;
            let soon = tell(minute);
            assert!((soon - minute).abs() <= minute / 10, "{soon}: a minute is about a minute");
            assert_ne!(soon, minute, "it is on its way");
            let late = (1..1100).map(|n| tell(n * minute)).last();
            assert_eq!(late, Some(1099 * minute + set), "after eleven hours it is there");
        }
    }

    #[test]
    fn history_that_is_a_little_ahead_is_believed() {
        let check = |newest: i64, believed: bool, expected: i64| {
            let mut clock = FarmClock::new(Micros(HOUR), Micros(0));
            assert_eq!(clock.not_before(Micros(newest)), believed, "{newest}");
            assert_eq!(clock.tell(Micros(HOUR), Micros(0)), Micros(expected), "{newest}");
        };
        check(0, true, HOUR);
        check(2 * HOUR, true, 2 * HOUR);
        check(25 * HOUR, true, 25 * HOUR);
        check(26 * HOUR, false, HOUR);
    }

    proptest! {
        /// Whatever the wall is set to: never back, and never further from what the machine ticked
        /// than a tenth of it.
        #[test]
        fn it_never_jumps(
            steps in prop::collection::vec((0..10_000_000_i64, -HOUR..HOUR), 1..50),
        ) {
            let mut clock = FarmClock::new(Micros(0), Micros(0));
            let (mut ticks, mut last) = (0, Micros(0));
            for (passed, wall) in steps {
                ticks += passed;
                let now = clock.tell(Micros(wall), Micros(ticks));
                prop_assert!(now >= last);
                let off = now.0 - last.0 - passed;
                prop_assert!(off.abs() <= passed / SLEW + 1, "{off} of {passed}");
                last = now;
            }
        }
    }
}
