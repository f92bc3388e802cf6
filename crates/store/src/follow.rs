//! A value that many follow: who has waited longest is woken first, always.
//!
//! It does what tokio's `watch` does, except that `watch` spreads those who wait over several lists
//! by chance. Whoever is woken first may take the last lock; with chance in it no run of a
//! simulation could be repeated.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

struct Shared<T> {
    now: Mutex<Now<T>>,
    moved: Notify,
}

struct Now<T> {
    value: T,
    /// Counts the changes.
    version: u64,
    ended: bool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Now<T>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who changes the value; those who follow see its end when this is dropped.
pub struct Followed<T> {
    shared: Arc<Shared<T>>,
}

/// Who follows the value.
pub struct Follow<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// The value, as long as this is held: never across an await.
pub struct Present<'a, T>(MutexGuard<'a, Now<T>>);

/// The value never changes again: who changed it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing changes it any more")]
pub struct Ended;

impl<T> std::fmt::Debug for Followed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Followed").finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for Follow<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Present<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.value.fmt(f)
    }
}

impl<T> Deref for Present<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Followed<T> {
    /// Begins with a value.
    pub fn new(value: T) -> Followed<T> {
        let now = Mutex::new(Now { value, version: 0, ended: false });
        Followed { shared: Arc::new(Shared { now, moved: Notify::new() }) }
    }

    /// Changes the value; gives the one before.
    pub fn replace(&self, value: T) -> T {
        let mut now = self.shared.lock();
        now.version += 1;
        let before = std::mem::replace(&mut now.value, value);
        drop(now);
        self.shared.moved.notify_waiters();
        before
    }

    /// The value.
    #[must_use]
    pub fn borrow(&self) -> Present<'_, T> {
        Present(self.shared.lock())
    }

    /// Follows the value from now on.
    #[must_use]
    pub fn follow(&self) -> Follow<T> {
        let seen = self.shared.lock().version;
        Follow { shared: Arc::clone(&self.shared), seen }
    }
}

impl<T> Drop for Followed<T> {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.moved.notify_waiters();
    }
}

impl<T> Clone for Follow<T> {
    fn clone(&self) -> Follow<T> {
        Follow { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Follow<T> {
    /// The value.
    #[must_use]
    pub fn borrow(&self) -> Present<'_, T> {
        Present(self.shared.lock())
    }

    /// The value, which then counts as seen.
    pub fn borrow_and_update(&mut self) -> Present<'_, T> {
        let now = self.shared.lock();
        self.seen = now.version;
        Present(now)
    }

    /// What the value is now counts as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.lock().version;
    }

    /// Waits for a value that was not seen, which then counts as seen.
    ///
    /// # Errors
    /// When there will be none.
    pub async fn changed(&mut self) -> Result<(), Ended> {
        loop {
            // Taken before the look: a change in between wakes it.
            let moved = self.shared.moved.notified();
            {
                let now = self.shared.lock();
                if now.version != self.seen {
                    self.seen = now.version;
                    return Ok(());
                }
                if now.ended {
                    return Err(Ended);
                }
            }
            moved.await;
        }
    }

    /// Waits for a value like this, which then counts as seen.
    ///
    /// # Errors
    /// When there will be none.
    pub async fn wait_for(&mut self, mut like: impl FnMut(&T) -> bool) -> Result<(), Ended> {
        loop {
            if like(&self.borrow_and_update()) {
                return Ok(());
            }
            self.changed().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_not_seen_is_told_at_once_and_the_end_after_it() {
        let followed = Followed::new(1);
        let mut follow = followed.follow();
        assert_eq!(followed.replace(2), 1);
        assert_eq!((follow.changed().await, *follow.borrow()), (Ok(()), 2));
        let waits = tokio::spawn(async move {
            let first = follow.wait_for(|value| *value == 4).await;
            (first, follow.changed().await)
        });
        tokio::task::yield_now().await;
        followed.replace(3);
        followed.replace(4);
        tokio::task::yield_now().await;
        drop(followed);
        assert_eq!(waits.await.unwrap(), (Ok(()), Err(Ended)));
    }

    #[tokio::test]
    async fn who_waited_longest_is_woken_first() {
        let followed = Followed::new(0);
        let order: Arc<Mutex<Vec<usize>>> = Arc::default();
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (mut follow, order) = (followed.follow(), Arc::clone(&order));
            waiting.spawn(async move {
                follow.changed().await.unwrap();
                order.lock().unwrap().push(number);
            });
        }
        tokio::task::yield_now().await;
        followed.replace(1);
        waiting.join_all().await;
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
