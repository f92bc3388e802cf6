//! The line for a lock that workers have for themselves.
//!
//! At the workers of a class all who want such a lock stand in one order. Only the first few can
//! get it, those who want no more than there is in all, so a line has these and some behind them:
//! then it can be changed in place for a while, as requests come and go and groups rise and fall.

use std::cmp::Reverse;

use super::super::locks::Taken;
use super::graph::{Back, Graph};
use super::key::Key;
use super::standing::Spot;
use crate::words::{Access, RequestId};

/// How many stand in a new line behind those who want all there is; with twice as many, the last
/// are dropped.
const BEHIND: usize = 4;
/// With fewer classes that have free workers nobody stands behind: their lines are asked for now,
/// and seldom again.
const FREE_MIN: usize = 3;

/// A request that wants a lock of a worker, with what all but the worker say of it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) key: Key,
    pub(super) id: Reverse<RequestId>,
    pub(super) class: u32,
    pub(super) group: u32,
    pub(super) wants: Access,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Nothing,
    /// Only of those who get nothing.
    Behind,
    First,
}

/// A line for one lock at the workers of a class, or at one that stands apart.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) lock: usize,
    pub(super) alone: Option<u32>,
    units: i64,
    behind: usize,
    /// Best first.
    pub(super) standing: Vec<Standing>,
    /// How many of them want more than there is; one more than all when they do not.
    enough: usize,
    /// Who stands before this place stands in the line; without it everybody does.
    ends: Option<(Key, Reverse<RequestId>)>,
}

impl Line {
    /// Those who may get some of it, and the first who gets none.
    pub(super) fn first(&self) -> &[Standing] {
        &self.standing[..self.enough.min(self.standing.len())]
    }

    /// Whether nobody behind it could get anything.
    pub(super) fn suffices(&self) -> bool {
        self.ends.is_none() || self.enough <= self.standing.len()
    }

    fn has_place_for(&self, key: &Key, id: RequestId) -> bool {
        self.ends.as_ref().is_none_or(|(last, of)| (key, Reverse(id)) >= (last, *of))
    }

    /// Whether it did not stand there before.
    fn add(&mut self, new: Standing) -> bool {
        let at = self.standing.partition_point(|standing| *standing > new);
        if self.standing.get(at) == Some(&new) {
            return false;
        }
        self.standing.insert(at, new);
        self.count();
        if self.standing.len() > self.enough + 2 * self.behind {
            self.cut();
        }
        true
    }

    fn cut(&mut self) {
        if self.standing.len() > self.enough + self.behind {
            self.standing.truncate(self.enough + self.behind);
            self.ends = self.standing.last().map(|last| (last.key.clone(), last.id));
        }
    }

    fn count(&mut self) {
        let mut taken = Taken::default();
        let mut fits = |standing: &Standing| {
            taken.add(standing.wants);
            taken.leaves(Access::Counting(0), self.units)
        };
        self.enough = 1 + self.standing.iter().take_while(|it| fits(it)).count();
    }

    /// Whether somebody stands among the first, or in the line at all.
    fn has(&self, is: impl Fn(&Standing) -> bool) -> Change {
        match self.standing.iter().position(is) {
            None => Change::Nothing,
            Some(at) if at < self.enough => Change::First,
            Some(_) => Change::Behind,
        }
    }

    pub(super) fn lose(&mut self, id: RequestId) -> Change {
        let change = self.has(|standing| standing.id.0 == id);
        if change != Change::Nothing {
            self.standing.retain(|standing| standing.id.0 != id);
            self.count();
        }
        change
    }

    /// What a group says of its requests is so much more.
    pub(super) fn shift(&mut self, group: u32, by: &Key) -> Change {
        let before = self.has(|standing| standing.group == group);
        if before == Change::Nothing {
            return before;
        }
        for standing in self.standing.iter_mut().filter(|standing| standing.group == group) {
            standing.key = standing.key.plus(by);
        }
        self.standing.sort_unstable_by(|a, b| b.cmp(a));
        while self.standing.last().is_some_and(|it| !self.has_place_for(&it.key, it.id.0)) {
            self.standing.pop();
        }
        self.count();
        before.max(self.has(|standing| standing.group == group))
    }
}

impl Graph {
    /// What a lane wants of a lock of the workers' own.
    pub(super) fn wants(&self, lane: u32, lock: usize) -> Option<Access> {
        self.lane(lane).own.iter().find(|(own, _)| *own == lock).map(|(_, wants)| *wants)
    }

    pub(super) fn line(&self, (worker, lock, alone): Spot) -> Line {
        let class = self.worker(worker);
        let units = class.units[lock];
        let behind = if self.free.len() < FREE_MIN { 0 } else { BEHIND };
        let (standing, enough, ends) = (Vec::new(), 1, None);
        let mut line = Line { lock, alone, units, behind, standing, enough, ends };
        for of_lane in class.back.chunk_by(|a, b| a.lane == b.lane) {
            if let Some(wants) = self.wants(of_lane[0].lane, lock) {
                for edge in of_lane {
                    self.stand(edge, wants, &mut line);
                }
            }
        }
        for (lane, wants) in self.own_lanes[lock].iter().filter(|_| alone.is_some()) {
            for edge in alone.into_iter().flat_map(|desk| self.pinned_in(desk, *lane)) {
                self.stand(&edge, *wants, &mut line);
            }
        }
        line.cut();
        line
    }

    /// Lets the requests of a class stand in line, as far as there is a place for them. Whether
    /// some are new there.
    pub(super) fn stand(&self, edge: &Back, wants: Access, line: &mut Line) -> bool {
        let Some((key, id)) = self.front(edge.class) else { return false };
        if let Some((last, of)) = &line.ends {
            // Most classes stand behind: their heads tell, without a look at their queues.
            let parts = [key, &self.groups[edge.group as usize], &self.pairs[edge.pair as usize]];
            if Key::compare_sum(parts, last).then(Reverse(*id).cmp(of)).is_lt() {
                return false;
            }
        }
        let Back { class, group, .. } = *edge;
        let mut some = false;
        for (key, id) in self.request(class).queue.iter() {
            let key = self.local_at(edge, key);
            if !line.has_place_for(&key, id) {
                break;
            }
            some |= line.add(Standing { key, id: Reverse(id), class, group, wants });
        }
        some
    }
}
