//! What a forecast starts from.

use std::collections::BTreeMap;

use super::{Usual, of_farm};
use crate::farm::{Farm, Policy, RequestView, WorkerView};
use crate::matcher::{Holding, Matcher, NotNow};
use crate::replay::Length;
use crate::words::{Duration, Micros};

/// A worker at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// As the policy sees it.
    pub view: WorkerView,
    /// Whether it takes builds.
    pub accepting: Result<(), NotNow>,
}

/// Who has a slot or locks at the moment, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// What it holds.
    pub holding: Holding,
    /// The builder it is a build of.
    pub builder: String,
    /// The request it is a build of: for orders that share out among groups of requests. A step
    /// leaves that to its build.
    pub of: Option<RequestView>,
    /// The step, if it is a step with locks of its own that holds.
    pub step: Option<String>,
    /// When it began; `None` while it is being offered.
    pub started_at: Option<Micros>,
}

/// A moment of the farm, and what is known of durations.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    /// The pending requests and the workers. What it says of holdings is replaced by `live`.
    pub matcher: &'a Matcher,
    /// The farm that matcher works for.
    pub farm: &'a Farm,
    /// Its policy.
    pub policy: &'a dyn Policy,
    /// The workers again, by name: the matcher does not say them.
    pub workers: &'a BTreeMap<String, Seat>,
    /// Everything that has slots or locks.
    pub live: &'a [Live],
    /// How long builds usually take, by builder.
    pub usual: &'a BTreeMap<String, Usual>,
    /// How long steps with locks of their own usually take, by builder and step.
    pub usual_steps: &'a BTreeMap<(String, String), Usual>,
    /// The moment.
    pub now: Micros,
    /// How many decisions each run follows before it gives up; a moment at which builds end counts
    /// as one.
    pub decisions_max: usize,
}

impl Outlook<'_> {
    /// When it leaves its locks, as backfill goes by it.
    pub(super) fn leaves(&self, live: &Live) -> Option<Micros> {
        let pace = match &live.step {
            None => self.matcher.pace(&live.builder),
            Some(step) => {
                let known = (live.builder.clone(), step.clone());
                self.usual_steps.get(&known).and_then(Usual::pace)
            }
        };
        Some(live.started_at.unwrap_or(self.now).plus(pace?.locks))
    }
}

/// Which of the two numbers of each builder a run goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Usual,
    Slow,
}

/// A length, and whether it is only supposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Supposed {
    pub(super) length: Length,
    pub(super) guess: bool,
}

/// The lengths of one run.
#[derive(Debug)]
pub(super) struct Lengths<'a> {
    outlook: Outlook<'a>,
    pace: Pace,
    unknown: Option<Usual>,
}

impl<'a> Lengths<'a> {
    pub(super) fn new(outlook: Outlook<'a>, pace: Pace) -> Lengths<'a> {
        Lengths { outlook, pace, unknown: of_farm(outlook.usual) }
    }

    /// How long a build will take; `None` when the farm has no idea of any.
    pub(super) fn of(&self, builder: &str) -> Option<Supposed> {
        let usual = self.usual(builder)?;
        Some(Supposed { length: self.paced(&usual), guess: usual.builds == 0 })
    }

    /// How long it will hold its locks and its slot from now on.
    pub(super) fn left(&self, live: &Live) -> Option<Supposed> {
        let usual = match &live.step {
            None => self.usual(&live.builder),
            Some(step) => {
                let known = (live.builder.clone(), step.clone());
                // A step nobody knows takes no longer than its build.
                let known = self.outlook.usual_steps.get(&known).copied();
                known.or_else(|| self.usual(&live.builder))
            }
        }?;
        let ran = live.started_at.map_or(Duration(0), |at| self.outlook.now.since(at));
        let length = self.paced(&usual);
        let left = |long: Duration, slow: Duration| self.still(ran, long, slow);
        let slot = left(length.slot, usual.p90.slot);
        let locks = left(length.locks, usual.p90.locks).min(slot);
        Some(Supposed { length: Length { locks, slot }, guess: usual.builds == 0 })
    }

    /// What is left of a build that ran so long. One that outran this run's number is supposed to
    /// reach the other; one that outran both needs a tenth of its time more, or half of it.
    fn still(&self, ran: Duration, long: Duration, slow: Duration) -> Duration {
        if let Some(end) = [long, slow].into_iter().find(|end| *end > ran) {
            return Duration(end.0 - ran.0);
        }
        match self.pace {
            Pace::Usual => Duration(ran.0 / 10),
            Pace::Slow => Duration(ran.0 / 2),
        }
    }

    fn usual(&self, builder: &str) -> Option<Usual> {
        self.outlook.usual.get(builder).copied().or(self.unknown)
    }

    fn paced(&self, usual: &Usual) -> Length {
        match self.pace {
            Pace::Usual => usual.p50,
            Pace::Slow => usual.p90,
        }
    }
}
