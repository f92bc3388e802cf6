//! What was read of the newest state of history, forgotten as soon as there is a newer one.

use std::sync::{Mutex, PoisonError};

/// Something that is true of one state of history, told apart by its commits.
#[derive(Debug, Default)]
pub(crate) struct Newest<T>(Mutex<(u64, T)>);

impl<T: Default> Newest<T> {
    /// What is remembered of the state after so many commits, which is nothing at first; `None` if
    /// history has moved on since. Take the number before you look at history: what you remember is
    /// then never taken for newer than it is.
    pub(crate) fn after<R>(&self, commits: u64, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if commits > newest.0 {
            *newest = (commits, T::default());
        }
        (commits == newest.0).then(|| look(&mut newest.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_is_neither_found_nor_remembered() {
        let newest = Newest::<Vec<u8>>::default();
        let check = |commits, expected: Option<Vec<u8>>| {
            assert_eq!(newest.after(commits, |of| of.clone()), expected, "{commits}");
        };
        check(0, Some(vec![]));
        assert_eq!(newest.after(1, |of| of.push(7)), Some(()));
        check(1, Some(vec![7]));
        check(0, None);
        check(3, Some(vec![]));
        assert_eq!(newest.after(1, |of| of.push(8)), None);
        check(1, None);
        check(3, Some(vec![]));
    }
}
