//! All lines for locks that workers have for themselves: made when first asked for, changed in
//! place as far as they can be, forgotten when there are too many to keep true.

use std::sync::Arc;

use super::graph::{Back, Graph};
use super::key::{Key, Rank};
use super::lock_line::{Change, Line};
use crate::words::RequestId;

/// Worker class, lock, and the worker where it stands apart from its like.
pub(super) type Spot = (u32, usize, Option<u32>);

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
            of.lines.clear();
            of.granted.clear();
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
