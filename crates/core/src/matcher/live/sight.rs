//! First sight: the pairs of a class that is new are looked at in slices.
//!
//! Classes wait in one line. The first of them is held against the classes seen on the other side,
//! pair by pair, as far as the slice goes; then it is *seen* too. So any two classes seen were held
//! against each other. What is not seen takes no part: its requests are not in the order and
//! reserve nothing, its workers are not free. Decisions are exact over the requests and workers of
//! classes seen, as if the others did not exist yet.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::live_order::{Live, With};
use crate::words::RequestId;

/// So many pairs looked at count as a call of the policy, as all about them may be remembered.
const PAIRS_PER_CALL: usize = 16;

/// A class that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum New {
    Requests(u32),
    Workers(u32),
}

/// The classes not seen yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    line: VecDeque<New>,
    /// What the first of the line is still to be held against; none before it is begun.
    ahead: Option<Vec<u32>>,
    /// Pairs looked at that were not counted as a call yet.
    pairs: usize,
    /// Workers to be placed again when their class is seen.
    waiting: BTreeMap<u32, Vec<u32>>,
    /// What took part before all classes were formed anew: it goes first.
    before: Before,
}

/// Requests and workers of classes seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    requests: BTreeSet<RequestId>,
    workers: BTreeSet<String>,
}

impl Sight {
    pub(super) fn add(&mut self, new: New) {
        self.line.push_back(new);
    }

    /// The class is no more.
    pub(super) fn forget(&mut self, old: New) {
        if self.line.front() == Some(&old) {
            self.ahead = None;
        }
        self.line.retain(|new| *new != old);
    }

    /// The worker is free as soon as its class is seen.
    pub(super) fn wait(&mut self, class: u32, desk: u32) {
        self.waiting.entry(class).or_default().push(desk);
    }

    /// All classes are formed anew, and these took part.
    pub(super) fn resume(&mut self, before: Before) {
        self.before = before;
    }

    fn is_empty(&self) -> bool {
        self.line.is_empty()
    }
}

impl Live {
    /// Whether there are classes that were not looked at in full.
    pub(in super::super) fn is_looking(&self) -> bool {
        !self.sight.is_empty() && !self.is_mixed()
    }

    /// Whether a pending request is not in the order yet, as its class is still looked at.
    pub(in super::super) fn is_request_unseen(&self, request: RequestId) -> bool {
        let class = self.places.get(&request).and_then(|place| place.class);
        self.is_looking() && class.is_some_and(|class| !self.graph.request(class).seen)
    }

    /// Whether a worker takes nothing yet, as its class is still looked at.
    pub(in super::super) fn is_worker_unseen(&self, name: &str) -> bool {
        let desk = self.index.desks.get(name).map(|desk| &self.graph.desks[*desk as usize]);
        let class = desk.and_then(|desk| desk.class);
        self.is_looking() && class.is_some_and(|class| !self.graph.worker(class).seen)
    }

    /// Who takes part now.
    pub(super) fn seen_so_far(&mut self) -> Before {
        let mut before = std::mem::take(&mut self.sight.before);
        let seen = |class: u32| self.graph.request(class).seen;
        let requests = self.places.iter().filter(|(_, place)| place.class.is_some_and(seen));
        before.requests.extend(requests.map(|(id, _)| *id));
        let seen = |class: u32| self.graph.worker(class).seen;
        let workers = self.graph.desks.iter().filter(|desk| desk.class.is_some_and(seen));
        before.workers.extend(workers.map(|desk| desk.name.clone()));
        before
    }

    /// Lets classes go first whose members took part before. How many there are.
    fn put_seen_first(&mut self) -> usize {
        let before = std::mem::take(&mut self.sight.before);
        if before.requests.is_empty() && before.workers.is_empty() {
            return 0;
        }
        let was_seen = |new: &New| match new {
            New::Requests(class) => {
                before.requests.contains(&self.graph.request(*class).sample.candidate.view.id)
            }
            New::Workers(class) => before.workers.contains(&self.graph.worker(*class).sample.name),
        };
        let (first, others): (Vec<New>, Vec<New>) =
            self.sight.line.iter().partition(|new| was_seen(new));
        let resumed = first.len();
        self.sight.line = first.into_iter().chain(others).collect();
        self.sight.before = before;
        resumed
    }

    /// One slice. What took part before takes part again at once, as far as all is remembered.
    pub(super) fn look(&mut self, with: &mut With<'_>) {
        let mut resumed = self.put_seen_first();
        while !self.stale
            && *with.slice > 0
            && let Some(new) = self.sight.line.front().copied()
        {
            let mut ahead = match self.sight.ahead.take() {
                Some(ahead) => ahead,
                None => self.others(new),
            };
            while *with.slice > 0
                && !self.stale
                && let Some(other) = ahead.pop()
            {
                let asked = with.memory.memo.evaluations;
                self.hold_against(new, other, with);
                let calls = with.memory.memo.evaluations.saturating_sub(asked);
                let calls = usize::try_from(calls).unwrap_or(usize::MAX);
                self.sight.pairs += usize::from(calls == 0 && resumed == 0);
                let counted = self.sight.pairs / PAIRS_PER_CALL;
                self.sight.pairs %= PAIRS_PER_CALL;
                *with.slice = with.slice.saturating_sub(calls.saturating_add(counted));
            }
            if self.stale {
                return;
            }
            if ahead.is_empty() {
                self.sight.line.pop_front();
                resumed = resumed.saturating_sub(1);
                self.saw(new);
            } else {
                self.sight.ahead = Some(ahead);
            }
        }
        self.sight.before = Before::default();
    }

    /// The classes seen that a new one may meet.
    fn others(&self, new: New) -> Vec<u32> {
        let Live { index, graph, .. } = self;
        let mut others: Vec<u32> = match new {
            New::Requests(class) => {
                let features = index.requests.features(class).iter();
                let under = features.flat_map(|feature| index.workers.under(feature));
                under.filter(|other| graph.worker(*other).seen).collect()
            }
            New::Workers(class) => {
                let features = index.workers.features(class).iter();
                let under = features.flat_map(|feature| index.requests.under(feature));
                under.filter(|other| graph.request(*other).seen).collect()
            }
        };
        others.sort_unstable_by(|a, b| b.cmp(a));
        others.dedup();
        others
    }

    fn hold_against(&mut self, new: New, other: u32, with: &mut With<'_>) {
        let (request, worker) = match new {
            New::Requests(class) => (class, other),
            New::Workers(class) => (other, class),
        };
        // The number may be that of a class that came later.
        let of_request = self.graph.request(request);
        let other_is_seen = match new {
            New::Requests(_) => self.graph.worker(worker).seen,
            New::Workers(_) => of_request.seen,
        };
        if other_is_seen && of_request.pinned.is_none() {
            self.link(request, worker, with);
        }
    }

    /// A class takes part from now on.
    fn saw(&mut self, new: New) {
        match new {
            New::Requests(class) => {
                self.graph.requests[class as usize].seen = true;
                self.graph.renew_front(class);
                if self.graph.request(class).queue.is_empty() {
                    self.request_class_emptied(class);
                } else {
                    self.standing_gained(class);
                    self.note_filled(class, true);
                    self.heaps.bid(&self.graph, class);
                }
            }
            New::Workers(class) => {
                self.graph.workers[class as usize].seen = true;
                self.again.extend(self.sight.waiting.remove(&class).into_iter().flatten());
            }
        }
    }
}
