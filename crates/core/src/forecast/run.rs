//! One run: from the moment of the outlook through one end of a build after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::Outlook;
use super::outlook::{Lengths, Pace, Supposed};
use crate::matcher::{Candidate, Holding, Match, Matcher};
use crate::words::{Micros, RequestId};

/// How many holdings the matcher is told anew for the work of one decision.
const TOLD_PER_WORK: usize = 256;

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

/// What happens at a moment to the holding of that number.
#[derive(Debug, Clone, Copy)]
enum End {
    Locks(usize),
    Slot(usize),
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
    /// By number, with what the matcher is told next time.
    running: BTreeMap<usize, Holding>,
    ends: BTreeMap<Micros, Vec<(End, bool)>>,
    numbers: usize,
    last_builders: BTreeMap<String, String>,
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

impl Run<'_> {
    /// What is held at the moment ends some time.
    fn begin(&mut self) {
        for live in self.outlook.live {
            let left = self.lengths.left(live);
            self.hold(live.holding.clone(), left);
        }
        self.tell();
    }

    fn follow(&mut self, asked: &BTreeSet<RequestId>, work_max: usize) {
        loop {
            while let Some(found) = self.matcher.next(self.outlook.policy, self.now) {
                self.start(&found, asked);
                if self.found.started.len() == asked.len() {
                    return;
                }
                if self.spent(1, work_max) {
                    return;
                }
            }
            let told = 1 + self.running.len() / TOLD_PER_WORK;
            if !self.advance() || self.spent(told, work_max) {
                return;
            }
        }
    }

    /// Counts work; notes where the run gives up.
    fn spent(&mut self, work: usize, work_max: usize) -> bool {
        self.found.work += work;
        let spent = self.found.work >= work_max;
        if spent {
            self.found.gave_up = Some(self.now);
        }
        spent
    }

    fn start(&mut self, found: &Match, asked: &BTreeSet<RequestId>) {
        self.matcher.take(found);
        let Some(candidate) = self.pending.get(&found.request) else { return };
        let builder = &candidate.view.builder;
        let holding = Holding {
            by: format!("request {}", found.request),
            worker: found.worker.clone(),
            slot: true,
            locks: candidate.recipe.locks.clone(),
        };
        let length = self.lengths.of(builder);
        self.hold(holding, length);
        if let Some(seat) = self.outlook.workers.get(&found.worker) {
            let last = self.last_builders.get(&found.worker).unwrap_or(&seat.view.last_builder);
            if last != builder {
                let mut view = seat.view.clone();
                view.last_builder.clone_from(builder);
                self.matcher.set_worker(view, seat.accepting.clone());
                self.last_builders.insert(found.worker.clone(), builder.clone());
            }
        }
        if asked.contains(&found.request) {
            let (worker, guess) = (found.worker.clone(), self.guess);
            self.found.started.insert(found.request, Started { at: self.now, worker, guess });
        }
    }

    /// One of which nobody knows how long it takes never ends.
    fn hold(&mut self, holding: Holding, left: Option<Supposed>) {
        let number = self.numbers;
        self.numbers += 1;
        if let Some(Supposed { length, guess }) = left {
            let (locks, slot) = (self.now.plus(length.locks), self.now.plus(length.slot));
            if !holding.locks.is_empty() && locks < slot {
                self.ends.entry(locks).or_default().push((End::Locks(number), guess));
            }
            self.ends.entry(slot).or_default().push((End::Slot(number), guess));
        }
        self.running.insert(number, holding);
    }

    /// To the next moment at which something ends or the order may change; false when there is none.
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
        let (at, ends) = self.ends.pop_first().expect("it was just seen");
        self.now = at;
        for (end, guess) in ends {
            self.guess |= guess;
            match end {
                End::Locks(number) => {
                    if let Some(holding) = self.running.get_mut(&number) {
                        holding.locks.clear();
                    }
                }
                End::Slot(number) => {
                    self.running.remove(&number);
                }
            }
        }
        self.tell();
        true
    }

    fn tell(&mut self) {
        self.matcher.set_holdings(self.running.values().cloned().collect());
    }
}
