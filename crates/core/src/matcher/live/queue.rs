//! The requests of a class, best first.

use std::cmp::Reverse;
use std::collections::{BTreeSet, btree_set};

use super::key::Key;
use crate::words::RequestId;

/// A request, and what it says of a tuple.
pub(super) type Front = (Key, RequestId);
/// Requests of a class from one on, best first.
pub(super) type Behind<'a> = btree_set::Iter<'a, (Reverse<Key>, RequestId)>;

/// Requests by what they say, then by id. The first stands apart, as most classes of an order that
/// reads much have just one.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    first: Option<Front>,
    behind: BTreeSet<(Reverse<Key>, RequestId)>,
}

impl Queue {
    pub(super) fn insert(&mut self, key: Key, id: RequestId) {
        let Some((first, first_id)) = &mut self.first else {
            self.first = Some((key, id));
            return;
        };
        let new_first = (&key, Reverse(id)) > (first, Reverse(*first_id));
        let (key, id) = if new_first {
            (std::mem::replace(first, key), std::mem::replace(first_id, id))
        } else {
            (key, id)
        };
        self.behind.insert((Reverse(key), id));
    }

    pub(super) fn remove(&mut self, key: Key, id: RequestId) {
        if self.first.as_ref().is_some_and(|(_, first)| *first == id) {
            self.first = self.behind.pop_first().map(|(key, id)| (key.0, id));
        } else {
            self.behind.remove(&(Reverse(key), id));
        }
    }

    pub(super) fn first(&self) -> Option<&Front> {
        self.first.as_ref()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Those behind the first, best first.
    pub(super) fn behind(&self) -> Behind<'_> {
        self.behind.iter()
    }

    /// All of them, best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, RequestId)> {
        let first = self.first.iter().map(|(key, id)| (key, *id));
        first.chain(self.behind.iter().map(|(key, id)| (&key.0, *id)))
    }
}
