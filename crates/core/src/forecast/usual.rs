//! How long something usually takes: what its newest green runs took, in two numbers.

use std::collections::BTreeMap;

use crate::matcher::Pace;
use crate::replay::Length;
use crate::words::Duration;

/// With fewer builds the longest of them says nothing of the tenth.
const PACE_OF: usize = 5;

/// What history teaches about one builder, or one step of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usual {
    /// Half of them took no longer.
    pub p50: Length,
    /// Nine of ten took no longer.
    pub p90: Length,
    /// How many builds that rests on.
    pub builds: usize,
}

impl Usual {
    /// What these lengths teach; `None` without any. Locks and slots are looked at by themselves,
    /// and each number is a length that occurred (nearest rank).
    #[must_use]
    pub fn of(lengths: &[Length]) -> Option<Usual> {
        let rank = |percent: usize| {
            Some(Length {
                locks: ranked(lengths.iter().map(|l| l.locks), percent)?,
                slot: ranked(lengths.iter().map(|l| l.slot), percent)?,
            })
        };
        Some(Usual { p50: rank(50)?, p90: rank(90)?, builds: lengths.len() })
    }

    /// What backfill goes by; `None` where it rests on too few builds to tell nine of ten.
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        let pace = Pace { locks: self.p50.locks, whole: self.p90.slot };
        (self.builds >= PACE_OF).then_some(pace)
    }
}

/// What is supposed of a builder that never ended green: what half of the farm's builders do.
#[must_use]
pub fn of_farm(builders: &BTreeMap<String, Usual>) -> Option<Usual> {
    let middle = |of: fn(&Usual) -> Length| {
        let all: Vec<Length> = builders.values().map(of).collect();
        Usual::of(&all).map(|found| found.p50)
    };
    Some(Usual { p50: middle(|u| u.p50)?, p90: middle(|u| u.p90)?, builds: 0 })
}

fn ranked(spans: impl Iterator<Item = Duration>, percent: usize) -> Option<Duration> {
    let mut spans: Vec<Duration> = spans.collect();
    spans.sort_unstable();
    let place = (spans.len() * percent).div_ceil(100).saturating_sub(1);
    spans.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(slots: &[i64]) -> Vec<Length> {
        let length = |ms: &i64| Length { locks: Duration(ms - 1), slot: Duration(*ms) };
        slots.iter().map(length).collect()
    }

    #[test]
    fn the_two_numbers_are_lengths_that_occurred() {
        let check = |slots: &[i64], expected: Option<[i64; 4]>| {
            let found = Usual::of(&lengths(slots));
            let numbers = found.map(|u| [u.p50.locks.0, u.p50.slot.0, u.p90.locks.0, u.p90.slot.0]);
            assert_eq!(numbers, expected, "{slots:?}");
            assert_eq!(found.map_or(0, |u| u.builds), slots.len());
        };
        check(&[], None);
        check(&[7], Some([6, 7, 6, 7]));
        check(&[30, 10, 20], Some([19, 20, 29, 30]));
        let hundred: Vec<i64> = (1..=100).rev().collect();
        check(&hundred, Some([49, 50, 89, 90]));
    }

    #[test]
    fn backfill_goes_by_five_builds_or_more() {
        let pace = |slots: &[i64]| Usual::of(&lengths(slots)).and_then(|usual| usual.pace());
        assert_eq!(pace(&[10, 10, 10, 10]), None);
        let expected = Pace { locks: Duration(29), whole: Duration(50) };
        assert_eq!(pace(&[50, 10, 30, 20, 40]), Some(expected));
    }

    #[test]
    fn an_unknown_builder_is_taken_for_one_in_the_middle() {
        let of = |slots: &[i64]| Usual::of(&lengths(slots)).expect("some");
        assert_eq!(of_farm(&BTreeMap::new()), None);
        let farm = BTreeMap::from([
            ("long".to_owned(), of(&[900])),
            ("middle".to_owned(), of(&[50, 60, 70])),
            ("quick".to_owned(), of(&[5])),
        ]);
        let found = of_farm(&farm).expect("some");
        assert_eq!((found.p50.slot.0, found.p90.slot.0, found.builds), (60, 70, 0));
    }
}
