//! How long a request rests after an attempt that ended without a verdict.

use crate::words::Duration;

/// The rest after an offer that came back.
const REST_AFTER_OFFER: Duration = Duration::seconds(1);
/// The rest after the first lost build.
const REST_FIRST: Duration = Duration::seconds(2);
/// How much longer each further rest is.
const REST_GROWTH: i64 = 4;
/// The longest rest.
const REST_LONGEST: Duration = Duration::seconds(60);

/// How long a request rests before it is offered again: longer after each lost build, so that what
/// went wrong outside (a repository, a network) may end before the budget does; a moment after an
/// offer that came back.
#[must_use]
pub fn rest(lost_builds: i64) -> Duration {
    if lost_builds <= 0 {
        return REST_AFTER_OFFER;
    }
    let growth = u32::try_from(lost_builds - 1).unwrap_or(u32::MAX);
    REST_FIRST.times(REST_GROWTH.saturating_pow(growth)).min(REST_LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_up_to_a_minute() {
        let check = |lost, seconds| assert_eq!(rest(lost), Duration::seconds(seconds), "{lost}");
        check(0, 1);
        check(1, 2);
        check(2, 8);
        check(3, 32);
        check(4, 60);
        check(i64::MAX, 60);
    }
}
