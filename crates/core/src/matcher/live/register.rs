//! The classes of one side, by what they look like and by what they need or offer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use foldhash::HashMap;

use super::recipes::{Feature, number};

/// How many classes without members are kept, with their edges, for members to come; of those that
/// are gone, about as many go before the number of one is used again.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Kept(pub(in super::super) usize);

impl Default for Kept {
    fn default() -> Kept {
        Kept(4_096)
    }
}

/// One side's classes.
#[derive(Debug, Clone)]
pub(super) struct Register<L> {
    /// Never walked.
    by_look: HashMap<Arc<L>, u32>,
    looks: Vec<Option<Arc<L>>>,
    features: Vec<Vec<Feature>>,
    by_feature: BTreeMap<Feature, BTreeSet<u32>>,
    spare: Vec<u32>,
    /// Classes that lost their last member, oldest first; some have members again.
    empty: VecDeque<u32>,
}

impl<L> Default for Register<L> {
    fn default() -> Self {
        Register {
            by_look: HashMap::default(),
            looks: Vec::new(),
            features: Vec::new(),
            by_feature: BTreeMap::new(),
            spare: Vec::new(),
            empty: VecDeque::new(),
        }
    }
}

impl<L: Eq + Hash> Register<L> {
    pub(super) fn find(&self, look: &L) -> Option<u32> {
        self.by_look.get(look).copied()
    }

    pub(super) fn features(&self, class: u32) -> &[Feature] {
        &self.features[class as usize]
    }

    pub(super) fn look(&self, class: u32) -> Option<&L> {
        self.looks[class as usize].as_deref()
    }

    pub(super) fn add(&mut self, look: L, features: Vec<Feature>) -> u32 {
        let class = self.spare.pop().unwrap_or_else(|| {
            self.looks.push(None);
            self.features.push(Vec::new());
            number(self.looks.len() - 1)
        });
        for feature in &features {
            self.by_feature.entry(feature.clone()).or_default().insert(class);
        }
        let look = Arc::new(look);
        self.by_look.insert(look.clone(), class);
        self.looks[class as usize] = Some(look);
        self.features[class as usize] = features;
        class
    }

    pub(super) fn remove(&mut self, class: u32) {
        for feature in std::mem::take(&mut self.features[class as usize]) {
            if let Some(classes) = self.by_feature.get_mut(&feature) {
                classes.remove(&class);
            }
        }
        if let Some(look) = self.looks[class as usize].take() {
            self.by_look.remove(&look);
        }
    }

    /// The number of a class that was removed may be that of another.
    pub(super) fn spare(&mut self, class: u32) {
        self.spare.push(class);
    }

    pub(super) fn under(&self, feature: &Feature) -> impl Iterator<Item = u32> + '_ {
        self.by_feature.get(feature).into_iter().flatten().copied()
    }

    pub(super) fn count(&self, feature: &Feature) -> usize {
        self.by_feature.get(feature).map_or(0, BTreeSet::len)
    }

    /// A class lost its last member. Gives one that has been without members for long.
    pub(super) fn emptied(&mut self, class: u32, kept: Kept) -> Option<u32> {
        self.empty.push_back(class);
        let old = if self.empty.len() > kept.0 { self.empty.pop_front() } else { None };
        old.filter(|old| self.looks[*old as usize].is_some())
    }
}
