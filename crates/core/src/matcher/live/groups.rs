//! The groups that `fair` terms count the running builds of.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use super::super::books::{Books, HoldingId};
use super::super::keys::group;
use super::graph::Graph;
use super::key::Key;
use super::recipes::number;
use super::terms::Terms;
use crate::farm::{FairBy, Policy, RequestView, TermKind};
use crate::words::Value;

/// One group of one `fair` term.
#[derive(Debug, Clone, Default)]
struct Group {
    place: usize,
    /// How many holdings are filed under it.
    running: i64,
    /// The combinations it is part of.
    combined: Vec<u32>,
}

/// Groups by term and value, and their combinations where several terms are fair: request classes
/// belong to combinations.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    terms: Vec<(usize, FairBy)>,
    by_value: BTreeMap<(usize, Option<Value>), usize>,
    all: Vec<Group>,
    by_groups: BTreeMap<Vec<usize>, u32>,
    combined: Vec<Vec<usize>>,
    /// The combination each running build counts for; walked only where order does not matter.
    holdings: HashMap<HoldingId, u32>,
    /// Combinations that say something else than before, and what that was.
    pub(super) changed: BTreeMap<u32, Key>,
    /// Those that rank higher than before.
    pub(super) risen: BTreeSet<u32>,
}

impl Groups {
    pub(super) fn new(terms: &Terms) -> Groups {
        let fair = terms.list.iter().enumerate().filter_map(|(place, term)| match term.kind {
            TermKind::Fair { by } => Some((place, by)),
            _ => None,
        });
        Groups { terms: fair.collect(), ..Groups::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The running builds it counts.
    pub(super) fn holdings(&self) -> impl Iterator<Item = HoldingId> + '_ {
        self.holdings.keys().copied()
    }

    fn groups(&mut self, policy: &dyn Policy, view: &RequestView) -> Vec<usize> {
        let mut groups = Vec::with_capacity(self.terms.len());
        let Groups { terms, by_value, all, .. } = self;
        for (place, by) in terms {
            let new = all.len();
            let at = *by_value.entry((*place, group(policy, *by, view))).or_insert(new);
            if at == new {
                all.push(Group { place: *place, ..Group::default() });
            }
            groups.push(at);
        }
        groups
    }

    /// The combination a request belongs to.
    pub(super) fn of(
        &mut self,
        policy: &dyn Policy,
        view: &RequestView,
        (terms, graph): (&mut Terms, &mut Graph),
    ) -> u32 {
        let groups = self.groups(policy, view);
        if let Some(known) = self.by_groups.get(&groups) {
            return *known;
        }
        let new = number(graph.groups.len());
        graph.groups.push(self.key(&groups, terms));
        for group in &groups {
            self.all[*group].combined.push(new);
        }
        self.combined.push(groups.clone());
        self.by_groups.insert(groups, new);
        new
    }

    fn key(&self, groups: &[usize], terms: &mut Terms) -> Key {
        let mut key = terms.zero();
        for group in groups {
            let Group { place, running, .. } = &self.all[*group];
            key.set(*place, terms.whole(*place, *running));
        }
        key
    }

    /// A holding began, ended or is another: whose builds run is what its books say.
    pub(super) fn follow(
        &mut self,
        id: HoldingId,
        (policy, books): (&dyn Policy, &Books),
        (terms, graph): (&mut Terms, &mut Graph),
    ) {
        let view = books.runs(id);
        let new = view.map(|view| self.of(policy, view, (&mut *terms, &mut *graph)));
        let old = self.file(id, new);
        if old == new {
            return;
        }
        let members = |combined: Option<u32>| combined.map(|it| self.combined[it as usize].iter());
        for group in members(old).into_iter().flatten() {
            self.all[*group].running -= 1;
        }
        for group in members(new).into_iter().flatten() {
            self.all[*group].running += 1;
        }
        for group in members(old).into_iter().chain(members(new)).flatten() {
            for combined in &self.all[*group].combined {
                let key = self.key(&self.combined[*combined as usize], terms);
                let known = &mut graph.groups[*combined as usize];
                self.changed.entry(*combined).or_insert_with(|| known.clone());
                if key > *known {
                    self.risen.insert(*combined);
                }
                *known = key;
            }
        }
    }

    /// Notes what a holding counts for. Gives what it counted for before.
    fn file(&mut self, id: HoldingId, new: Option<u32>) -> Option<u32> {
        match new {
            Some(new) => self.holdings.insert(id, new),
            None => self.holdings.remove(&id),
        }
    }
}
