//! Backfill: what is kept back for a request that cannot start yet may be used until it can.
//!
//! Reservations keep small requests from starving a large one, and let locks idle meanwhile.
//! Where the policy says so ([`Policy::backfills`]), a request that nothing but reservations
//! keeps from a worker may start there if its build is over before those for whom the locks are
//! kept could start anyway. It is tried only where nothing else can start, and never delays
//! anybody by what is known:
//!
//! * a reservation counts against a tuple unless it *stands still* for as long as the tuple's
//!   build takes: nine of ten builds of its builder took no longer ([`Pace::whole`]). Without a
//!   pace a request is never backfilled;
//! * the request ahead can start when the locks it wants are left by those who hold them now:
//!   half of the builds of a builder left theirs sooner ([`Pace::locks`]). One that held them
//!   longer, and one nobody knows anything of, may leave them any moment. Of farm-wide locks the
//!   farm-wide ones alone are looked at, of a worker's own lock all that are wanted there; who
//!   else waits for them is not: all of that makes the moment earlier, and the room smaller;
//! * who is overdue is passed by nobody, and what waiting steps want is lent to nobody.
//!
//! The greatest tuple that is left beside the reservations that count is the match: with all of
//! them counting that is the ordinary rule. Each build lent to is over by the start of all it
//! passed, and becomes a holder that leaves before; so that start is never put off by a further
//! one, and who overruns delays it by no more than that.
//!
//! As time goes by rooms only shrink. What makes them larger, a new pace or another holder, is
//! told to the matcher; and who rises by age, at a moment [`Matcher::next_wake`] names.

use std::collections::BTreeMap;

use super::live::{Asked, Spare};
use super::{Holding, HoldingId, Match, Matcher};
use crate::farm::Policy;
use crate::words::{Duration, Micros, RequestId};

/// How long the builds of a builder take, as backfill goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Half of them left their locks no later.
    pub locks: Duration,
    /// Nine of ten were over, slot and all, no later.
    pub whole: Duration,
}

/// What a match that is backfilled rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// Nine of ten builds of its builder are over after so long.
    pub takes: Duration,
    /// The request ahead of it that could start first of those it passes.
    pub passes: RequestId,
    /// When that one could start at the earliest.
    pub before: Micros,
}

impl Backfill {
    /// As a sentence.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "It is backfilled: nine of ten of its builds are over after {}, before request {}, \
             ahead of it, could start.",
            self.takes, self.passes
        )
    }
}

/// Why a request does not use what is kept back for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBackfill {
    /// Nobody knows how long its builds take.
    Unknown,
    /// They would not be over in time.
    TooLong {
        /// How long nine of ten take at most.
        takes: Duration,
        /// The request ahead of it that is in the way.
        ahead: RequestId,
        /// How long that one cannot start; `None` when it may start any moment.
        room: Option<Duration>,
    },
}

impl NoBackfill {
    /// As a sentence.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            NoBackfill::Unknown => "It is not backfilled: too few of its builder's builds ended \
                                    green to know how long one takes."
                .to_owned(),
            NoBackfill::TooLong { takes, ahead, room: None } => format!(
                "It is not backfilled: nine of ten of its builds take up to {takes}, and request \
                 {ahead} may start any moment."
            ),
            NoBackfill::TooLong { takes, ahead, room: Some(room) } => format!(
                "It is not backfilled: nine of ten of its builds take up to {takes}, and request \
                 {ahead} may start in {room}."
            ),
        }
    }
}

/// What is known of how long builds take, and of when those that run leave their locks.
#[derive(Debug, Clone, Default)]
pub(super) struct Paces {
    by_builder: BTreeMap<String, Pace>,
    ends: BTreeMap<HoldingId, Micros>,
}

impl Paces {
    pub(super) fn of(&self, builder: &str) -> Option<Pace> {
        self.by_builder.get(builder).copied()
    }

    /// When a holding ends, if that is known and has not come yet.
    pub(super) fn end(&self, id: HoldingId, now: Micros) -> Option<Micros> {
        self.ends.get(&id).copied().filter(|end| *end > now)
    }

    pub(super) fn expect(&mut self, id: HoldingId, ends: Option<Micros>) {
        match ends {
            Some(at) => self.ends.insert(id, at),
            None => self.ends.remove(&id),
        };
    }

    pub(super) fn forget_ends(&mut self) {
        self.ends.clear();
    }
}

impl Matcher {
    /// How long builds of a builder take; `None` where nobody knows.
    pub fn learn(&mut self, builder: &str, pace: Option<Pace>) {
        match pace {
            Some(pace) => self.paces.by_builder.insert(builder.to_owned(), pace),
            None => self.paces.by_builder.remove(builder),
        };
    }

    /// How long builds of a builder take, if that is known.
    #[must_use]
    pub fn pace(&self, builder: &str) -> Option<Pace> {
        self.paces.of(builder)
    }

    /// When a holding is expected to leave its locks; `None` where nobody knows. What
    /// [`Matcher::take`] books is expected to take as long as half of its builder's builds do.
    pub fn expect(&mut self, id: HoldingId, ends: Option<Micros>) {
        if self.holding(id).is_some() {
            self.paces.expect(id, ends);
        }
    }

    /// Whether some term says values of different types, so that every pair is looked at: nothing
    /// is backfilled then.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        self.live.is_mixed()
    }

    /// The greatest tuple that is over before all those could start that keep its locks from it.
    /// To be asked when nothing can start by the order. Looks at each class of requests that wants
    /// locks, at no more requests of each than the locks have units, and at free workers.
    pub(super) fn backfilled(&mut self, policy: &dyn Policy, now: Micros) -> Option<Match> {
        if !policy.backfills() || self.world.requests.is_empty() {
            return None;
        }
        let waiting: Vec<Holding> = self.world.waiting.values().map(wanted).collect();
        let kept: Vec<HoldingId> = waiting.into_iter().map(|it| self.hold(it, None)).collect();
        self.follow(policy, now);
        let mixed = self.live.is_mixed();
        let found = if mixed { None } else { self.live.lend(self.asked(now)) };
        kept.into_iter().for_each(|id| self.release(id));
        found
    }

    /// Why a request that nothing but reservations keeps from a worker does not use what they keep;
    /// `None` for others. For snapshots on which nothing can start any more.
    pub(super) fn not_backfilled(
        &self,
        request: RequestId,
        policy: &dyn Policy,
        (spare, now): (&mut Option<Spare>, Micros),
    ) -> Option<NoBackfill> {
        if !policy.backfills() || self.live.is_mixed() {
            return None;
        }
        let asked = self.asked(now);
        let spare = spare.get_or_insert_with(|| self.live.spare(asked));
        self.live.not_lent(asked, spare, request)
    }

    fn asked(&self, now: Micros) -> Asked<'_> {
        Asked { world: &self.world, paces: &self.paces, now }
    }
}

/// A waiting step as a holder of what it wants, of which nobody knows how long it will.
fn wanted(it: &super::Waiting) -> Holding {
    let (by, worker, locks) = (it.by.clone(), it.worker.clone(), it.locks.clone());
    Holding { by, worker, slot: false, locks, runs: None }
}
