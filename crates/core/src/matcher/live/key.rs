//! Keys: what the terms say of a tuple, as whole numbers whose greater is the better.

use std::array;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use crate::words::RequestId;

/// Terms kept in place; orders with more of them pay for an allocation per key.
const SHORT: usize = 6;
/// Numbers left free between values that came one after the other.
const GAP: i64 = 1 << 32;

/// One number per term; 0 where a side has no say. What a request, its group, a worker and the pair
/// say of a tuple adds up to the tuple's key, as each term is said by just one of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Short([i64; SHORT]),
    Long(Box<[i64]>),
}

impl Key {
    pub(super) fn zero(terms: usize) -> Key {
        if terms <= SHORT {
            Key::Short([0; SHORT])
        } else {
            Key::Long(vec![0; terms].into_boxed_slice())
        }
    }

    #[inline]
    pub(super) fn at(&self, place: usize) -> i64 {
        match self {
            Key::Short(numbers) => numbers[place],
            Key::Long(numbers) => numbers[place],
        }
    }

    pub(super) fn set(&mut self, place: usize, number: i64) {
        match self {
            Key::Short(numbers) => numbers[place] = number,
            Key::Long(numbers) => numbers[place] = number,
        }
    }

    /// How the sum of some keys compares with another, place by place: mostly the first few tell.
    #[inline]
    pub(super) fn compare_sum<const PARTS: usize>(parts: [&Key; PARTS], other: &Key) -> Ordering {
        let differs = |place: usize, other: i64| {
            let sum = parts.iter().fold(0, |sum: i64, part| sum.wrapping_add(part.at(place)));
            if sum == other { None } else { Some(sum.cmp(&other)) }
        };
        // Apart, as their number is known for the first kind: this is the innermost loop of all.
        match other {
            Key::Short(numbers) => {
                for (place, number) in numbers.iter().enumerate() {
                    if let Some(ordering) = differs(place, *number) {
                        return ordering;
                    }
                }
            }
            Key::Long(numbers) => {
                for (place, number) in numbers.iter().enumerate() {
                    if let Some(ordering) = differs(place, *number) {
                        return ordering;
                    }
                }
            }
        }
        Ordering::Equal
    }

    #[inline]
    pub(super) fn plus(&self, other: &Key) -> Key {
        self.with(other, i64::wrapping_add)
    }

    /// What there is more in it than in another.
    #[inline]
    pub(super) fn minus(&self, other: &Key) -> Key {
        self.with(other, i64::wrapping_sub)
    }

    #[inline]
    fn with(&self, other: &Key, each: impl Fn(i64, i64) -> i64) -> Key {
        match (self, other) {
            (Key::Short(a), Key::Short(b)) => {
                Key::Short(array::from_fn(|place| each(a[place], b[place])))
            }
            (Key::Long(a), Key::Long(b)) => {
                Key::Long(a.iter().zip(b).map(|(a, b)| each(*a, *b)).collect())
            }
            // All keys of an order have its number of terms.
            (Key::Short(_), Key::Long(_)) | (Key::Long(_), Key::Short(_)) => self.clone(),
        }
    }
}

/// Where a tuple stands in the farm's order: no two tuples stand equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) key: Key,
    pub(super) request: Reverse<RequestId>,
    /// The number of the worker's name.
    pub(super) worker: Reverse<i64>,
}

/// Numbers for values that are not numbers, in their order.
#[derive(Debug, Clone)]
pub(super) struct Scale<T> {
    by_value: BTreeMap<T, i64>,
    by_number: BTreeMap<i64, T>,
}

impl<T> Default for Scale<T> {
    fn default() -> Self {
        Scale { by_value: BTreeMap::new(), by_number: BTreeMap::new() }
    }
}

impl<T: Ord + Clone> Scale<T> {
    /// The number of a value; `None` when there is no room between its neighbours.
    pub(super) fn number(&mut self, value: &T) -> Option<i64> {
        if let Some(number) = self.by_value.get(value) {
            return Some(*number);
        }
        let below = self.by_value.range(..value).next_back().map(|(_, n)| *n);
        let above = self.by_value.range(value..).next().map(|(_, n)| *n);
        let number = match (below, above) {
            (None, None) => 0,
            (Some(below), None) => below.checked_add(GAP)?,
            (None, Some(above)) => above.checked_sub(GAP)?,
            (Some(below), Some(above)) => {
                let middle = below.midpoint(above);
                if middle == below || middle == above {
                    return None;
                }
                middle
            }
        };
        self.by_value.insert(value.clone(), number);
        self.by_number.insert(number, value.clone());
        Some(number)
    }

    pub(super) fn value(&self, number: i64) -> Option<&T> {
        self.by_number.get(&number)
    }

    /// Numbers all values anew, evenly.
    pub(super) fn spread(&mut self) {
        self.by_number.clear();
        for (place, (value, number)) in (1..).zip(self.by_value.iter_mut()) {
            *number = GAP.saturating_mul(place);
            self.by_number.insert(*number, value.clone());
        }
    }
}
