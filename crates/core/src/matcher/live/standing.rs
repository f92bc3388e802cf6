//! Who stands in line for the locks that workers have for themselves.
//!
//! At the workers of a class all who want such a lock stand in one order. Only the first few can
//! get it, those who want no more than there is in all, so a line has these and some behind them:
//! then it can be changed in place for a while, as requests come and go and groups rise and fall.

use std::cmp::Reverse;
use std::sync::Arc;

use super::super::locks::Taken;
use super::graph::{Back, Graph};
use super::key::{Key, Rank};
use crate::words::{Access, RequestId};

/// How many stand in a new line behind those who want all there is; with twice as many, the last
/// are dropped.
const BEHIND: usize = 4;
/// With fewer classes that have free workers nobody stands behind: their lines are asked for now,
/// and seldom again.
const FREE_MIN: usize = 16;

/// A request that wants a lock of a worker, with what all but the worker say of it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) key: Key,
    pub(super) id: Reverse<RequestId>,
    pub(super) class: u32,
    group: u32,
    pub(super) wants: Access,
}

/// Worker class, lock, and the worker where it stands apart from its like.
pub(super) type Spot = (u32, usize, Option<u32>);

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Nothing,
    /// Only of those who get nothing.
    Behind,
    First,
}

/// A line for one lock at the workers of a class, or at one that stands apart.
#[derive(Debug, Clone)]
pub(super) struct Line {
    lock: usize,
    alone: Option<u32>,
    units: i64,
    behind: usize,
    /// Best first.
    standing: Vec<Standing>,
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
    fn suffices(&self) -> bool {
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

    fn lose(&mut self, id: RequestId) -> Change {
        let change = self.has(|standing| standing.id.0 == id);
        if change != Change::Nothing {
            self.standing.retain(|standing| standing.id.0 != id);
            self.count();
        }
        change
    }

    /// What a group says of its requests is so much more.
    fn shift(&mut self, group: u32, by: &Key) -> Change {
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

/// The lines of a worker class, and what lanes could get there.
#[derive(Debug, Clone, Default)]
struct OfClass {
    lines: Vec<Arc<Line>>,
    /// As far as that was asked since something changed there.
    granted: Vec<(u32, Option<Rank>)>,
}

/// Whose groups and requests may stand in the lines of a class, a bit for several.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    groups: u64,
    requests: u64,
    /// The locks that have a line for all its workers who do not stand apart.
    locks: u64,
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

fn request_bit(id: RequestId) -> u64 {
    // Spread: those that stand in one line may have come a fixed distance apart.
    bit(id.0.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
}

/// All lines: made when first asked for, by worker class.
#[derive(Debug, Clone, Default)]
pub(super) struct Standings {
    classes: Vec<OfClass>,
    marks: Vec<Marks>,
    /// Classes with lines, some of them forgotten since.
    known: Vec<u32>,
    /// Whether a class is among these.
    listed: Vec<bool>,
}

impl Standings {
    /// The line at a spot.
    pub(super) fn at(&mut self, graph: &Graph, spot: Spot) -> Arc<Line> {
        let (class, lock, alone) = spot;
        let at = class as usize;
        if self.classes.len() <= at {
            self.classes.resize_with(at + 1, OfClass::default);
            self.marks.resize_with(at + 1, Marks::default);
            self.listed.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.listed[at], true) {
            self.known.push(class);
        }
        let lines = &mut self.classes[at].lines;
        if let Some(line) = lines.iter().find(|line| (line.lock, line.alone) == (lock, alone)) {
            return line.clone();
        }
        let line = Arc::new(graph.line(spot));
        lines.push(line.clone());
        self.mark(class);
        line
    }

    fn mark(&mut self, class: u32) {
        let mut marks = Marks::default();
        for standing in self.classes[class as usize].lines.iter().flat_map(|it| &it.standing) {
            marks.groups |= bit(u64::from(standing.group));
            marks.requests |= request_bit(standing.id.0);
        }
        let lines = self.classes[class as usize].lines.iter();
        for line in lines.filter(|line| line.alone.is_none() && line.lock < 64) {
            marks.locks |= bit(line.lock as u64);
        }
        self.marks[class as usize] = marks;
    }

    /// Whether a request is known to stand in no line at a spot, without a look at the line.
    pub(super) fn is_absent(&self, (class, lock, alone): Spot, id: RequestId) -> bool {
        let Some(marks) = self.marks.get(class as usize) else { return false };
        let has_line = alone.is_none() && lock < 64 && marks.locks & bit(lock as u64) != 0;
        has_line && marks.requests & request_bit(id) == 0
    }

    /// How many classes have lines, about.
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// Who wants locks at workers of the class may be others now.
    pub(super) fn forget(&mut self, class: u32) {
        if let Some(of) = self.classes.get_mut(class as usize) {
            (of.lines.clear(), of.granted.clear());
            self.marks[class as usize] = Marks::default();
        }
    }

    /// The free workers of the class are others, or what is held of their locks is.
    pub(super) fn forget_granted(&mut self, class: u32) {
        if let Some(of) = self.classes.get_mut(class as usize) {
            of.granted.clear();
        }
    }

    /// The same for all classes.
    pub(super) fn forget_all(&mut self) {
        for class in std::mem::take(&mut self.known) {
            self.listed[class as usize] = false;
            self.forget(class);
        }
    }

    /// Changes the lines of a class; those that do not suffice any more are forgotten.
    fn change(&mut self, class: u32, mut change: impl FnMut(&mut Line) -> Change) {
        let of = &mut self.classes[class as usize];
        let each = of.lines.iter_mut().map(|line| change(Arc::make_mut(line)));
        let change = each.max().unwrap_or(Change::Nothing);
        if change == Change::First {
            of.granted.clear();
        }
        if change != Change::Nothing {
            of.lines.retain(|line| line.suffices());
            self.mark(class);
        }
    }

    /// A request that wants own locks, maybe, stands nowhere any more.
    pub(super) fn lost(&mut self, id: RequestId) {
        let bit = request_bit(id);
        for at in 0..self.known.len() {
            let class = self.known[at];
            if self.marks[class as usize].requests & bit != 0 {
                self.change(class, |line| line.lose(id));
            }
        }
    }

    /// What a group says is so much more, or less.
    pub(super) fn shift(&mut self, group: u32, by: &Key) {
        let bit = bit(u64::from(group));
        for at in 0..self.known.len() {
            let class = self.known[at];
            if self.marks[class as usize].groups & bit != 0 {
                self.change(class, |line| line.shift(group, by));
            }
        }
    }

    /// Requests of the class stand where they did not, maybe, and so may others behind them.
    pub(super) fn gained(&mut self, graph: &Graph, request: u32) {
        let edges = &graph.request(request).edges;
        if self.known.len() < edges.len() {
            for at in 0..self.known.len() {
                if let Some(edge) = graph.edge(request, self.known[at]) {
                    self.gained_at(graph, request, edge.class, edge.pair);
                }
            }
        } else {
            for edge in edges {
                self.gained_at(graph, request, edge.class, edge.pair);
            }
        }
    }

    fn gained_at(&mut self, graph: &Graph, request: u32, worker: u32, pair: u32) {
        if self.classes.get(worker as usize).is_none_or(|of| of.lines.is_empty()) {
            return;
        }
        let of = graph.request(request);
        let edge = Back { lane: of.lane, class: request, pair, group: of.group };
        self.change(worker, |line| {
            let elsewhere = of.pinned.is_some() && of.pinned != line.alone;
            let wants = graph.wants(of.lane, line.lock).filter(|_| !elsewhere);
            let new = wants.is_some_and(|wants| graph.stand(&edge, wants, line));
            if new { Change::First } else { Change::Nothing }
        });
    }

    /// What a lane could get of a class, if that is known.
    pub(super) fn granted(&self, class: u32, lane: u32) -> Option<&Option<Rank>> {
        let granted = &self.classes.get(class as usize)?.granted;
        granted.iter().find(|(of, _)| *of == lane).map(|(_, rank)| rank)
    }

    /// From now on it is known what a lane could get of a class.
    pub(super) fn grant(&mut self, class: u32, lane: u32, found: Option<Rank>) {
        if let Some(of) = self.classes.get_mut(class as usize) {
            of.granted.push((lane, found));
        }
    }
}

impl Graph {
    /// What a lane wants of a lock of the workers' own.
    fn wants(&self, lane: u32, lock: usize) -> Option<Access> {
        self.lane(lane).own.iter().find(|(own, _)| *own == lock).map(|(_, wants)| *wants)
    }

    fn line(&self, (worker, lock, alone): Spot) -> Line {
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
    fn stand(&self, edge: &Back, wants: Access, line: &mut Line) -> bool {
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
