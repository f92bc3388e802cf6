//! One run: from the moment of the outlook through one end of a build after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::Outlook;
use super::outlook::{Lengths, Pace, Supposed};
use crate::farm::RequestView;
use crate::matcher::{Candidate, Holding, HoldingId, Match, Matcher};
use crate::words::{Micros, RequestId};

/// A request that started in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    pub(super) at: Micros,
    pub(super) worker: String,
    /// Whether something ended before it whose length is only supposed.
    pub(super) guess: bool,
}

/// What a run found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The requests asked about that started.
    pub(super) started: BTreeMap<RequestId, Started>,
    /// Where the run gave up, if it did.
    pub(super) gave_up: Option<Micros>,
    /// What it took, in decisions.
    pub(super) work: usize,
}

/// What happens at a moment to what a build holds, by its number.
#[derive(Debug, Clone, Copy)]
enum End {
    Locks(usize),
    Slot(usize),
}

/// A build that runs in a run.
struct Running<'a> {
    id: HoldingId,
    holding: Holding,
    of: Option<&'a RequestView>,
}

/// Every pending request.
pub(super) type Pending<'a> = BTreeMap<RequestId, &'a Candidate>;

/// What one run is about, besides the outlook.
pub(super) struct Task<'a> {
    /// With what was changed in it.
    pub(super) matcher: Matcher,
    /// Every pending request, as it was before.
    pub(super) pending: &'a Pending<'a>,
    /// The requests asked about.
    pub(super) asked: &'a BTreeSet<RequestId>,
    pub(super) pace: Pace,
    pub(super) work_max: usize,
}

struct Run<'a> {
    outlook: Outlook<'a>,
    matcher: Matcher,
    lengths: Lengths<'a>,
    pending: &'a Pending<'a>,
    running: BTreeMap<usize, Running<'a>>,
    /// What ends when, and whether that is a guess.
    ends: BTreeMap<Micros, Vec<(End, bool)>>,
    numbers: usize,
    last_builders: BTreeMap<String, &'a str>,
    now: Micros,
    guess: bool,
    found: Found,
}

/// Follows the farm until all that was asked about started, nothing more ends, or the work is up.
pub(super) fn run<'a>(outlook: Outlook<'a>, task: Task<'a>) -> Found {
    let mut run = Run {
        outlook,
        matcher: task.matcher,
        lengths: Lengths::new(outlook, task.pace),
        pending: task.pending,
        running: BTreeMap::new(),
        ends: BTreeMap::new(),
        numbers: 0,
        last_builders: BTreeMap::new(),
        now: outlook.now,
        guess: false,
        found: Found::default(),
    };
    run.begin();
    run.follow(task.asked, task.work_max);
    run.found
}

impl<'a> Run<'a> {
    /// What is held at the moment ends some time.
    fn begin(&mut self) {
        self.matcher.set_holdings(Vec::new());
        // Nobody knows how long they wait, nor what they hold after that.
        self.matcher.set_waiting(Vec::new());
        for live in self.outlook.live {
            let (holding, of) = (live.holding.clone(), live.of.as_ref());
            let id = self.matcher.hold(holding.clone(), of);
            self.matcher.expect(id, self.outlook.leaves(live));
            self.runs(Running { id, holding, of }, self.lengths.left(live));
        }
    }

    fn follow(&mut self, asked: &BTreeSet<RequestId>, work_max: usize) {
        loop {
            while let Some(found) = self.matcher.next(self.outlook.policy, self.now) {
                self.start(&found, asked);
                if self.found.started.len() == asked.len() || self.spent(work_max) {
                    return;
                }
            }
            if !self.advance() || self.spent(work_max) {
                return;
            }
        }
    }

    /// Counts a decision or a moment; notes where the run gives up.
    fn spent(&mut self, work_max: usize) -> bool {
        self.found.work += 1;
        let spent = self.found.work >= work_max;
        if spent {
            self.found.gave_up = Some(self.now);
        }
        spent
    }

    fn start(&mut self, found: &Match, asked: &BTreeSet<RequestId>) {
        let Some(id) = self.matcher.take(found) else { return };
        let Some(candidate) = self.pending.get(&found.request) else { return };
        let (view, holding) = (&candidate.view, self.matcher.holding(id).cloned());
        let Some(holding) = holding else { return };
        let length = self.lengths.of(&view.builder);
        self.runs(Running { id, holding, of: Some(view) }, length);
        self.builds_last(&found.worker, &view.builder);
        if asked.contains(&found.request) {
            let (worker, guess) = (found.worker.clone(), self.guess);
            self.found.started.insert(found.request, Started { at: self.now, worker, guess });
        }
    }

    /// The order may ask for the builder a worker built last.
    fn builds_last(&mut self, worker: &str, builder: &'a str) {
        let Some(seat) = self.outlook.workers.get(worker) else { return };
        let last = self.last_builders.get(worker).copied().unwrap_or(&seat.view.last_builder);
        if last != builder {
            let mut view = seat.view.clone();
            view.last_builder = builder.to_owned();
            self.matcher.set_worker(view, seat.accepting.clone());
            self.last_builders.insert(worker.to_owned(), builder);
        }
    }

    /// One of which nobody knows how long it takes never ends.
    fn runs(&mut self, running: Running<'a>, left: Option<Supposed>) {
        let number = self.numbers;
        self.numbers += 1;
        if let Some(Supposed { length, guess }) = left {
            let (locks, slot) = (self.now.plus(length.locks), self.now.plus(length.slot));
            let holds = !running.holding.locks.is_empty() || running.holding.runs.is_some();
            if holds && locks < slot {
                self.ends.entry(locks).or_default().push((End::Locks(number), guess));
            }
            self.ends.entry(slot).or_default().push((End::Slot(number), guess));
        }
        self.running.insert(number, running);
    }

    /// To the next moment at which something ends or the order may change, if there is one.
    fn advance(&mut self) -> bool {
        let Some(next) = self.ends.first_key_value().map(|(at, _)| *at) else { return false };
        // Without anything to end no order starts what is still waiting.
        if let Some(wake) = self.matcher.next_wake(self.now)
            && self.now < wake
            && wake < next
        {
            self.now = wake;
            return true;
        }
        let Some((at, ends)) = self.ends.pop_first() else { return false };
        self.now = at;
        for (end, guess) in ends {
            self.guess |= guess;
            self.end(end);
        }
        true
    }

    fn end(&mut self, end: End) {
        match end {
            End::Locks(number) => {
                let Some(running) = self.running.get_mut(&number) else { return };
                self.matcher.release(running.id);
                running.holding.locks.clear();
                running.holding.runs = None;
                running.id = self.matcher.hold(running.holding.clone(), running.of);
            }
            End::Slot(number) => {
                if let Some(running) = self.running.remove(&number) {
                    self.matcher.release(running.id);
                }
            }
        }
    }
}
