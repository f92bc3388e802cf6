//! The steps of a build, one section at a time: what `core::settle` says comes next is written
//! down.

use std::sync::Arc;

use steading_core::farm::{Fault, PlanStep};
use steading_core::settle::{self, Cancel, Next, StepReport, StepResult};
use steading_core::words::{
    Build, BuildId, BuildState, BuildsetId, ConfigId, Duration, Micros, Outcome, Reason, Step,
    StepId, StepState,
};
use steading_store::{Error, NewStep, Read, Write};
use steading_wire::worker::{Next as Ahead, Primitive, encode};

use super::primitive::{Materials, described, has_logs, primitive};
use crate::context::Context;
use crate::dispatch::need;
use crate::farms::{FarmError, Present};

/// The logs every process may write.
const LOGS: [&str; 2] = ["stdout", "stderr"];

/// How many steps a worker is told to run ahead at most, and how large their description may be.
const AHEAD_MAX: usize = 32;
const AHEAD_BYTES_MAX: usize = 256 << 10;

/// How long a step waits for its locks at most.
const LOCK_DEADLINE: Duration = Duration::seconds(24 * 3600);

/// The same for an `always` step after a cancel.
const ALWAYS_LOCK_DEADLINE: Duration = Duration::seconds(60);

/// Where a build stands after a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stands {
    /// The worker is to run this step.
    AtStep {
        /// Its number, from 1.
        number: i64,
        /// What to do.
        primitive: Primitive,
        /// What follows without a decision, if it goes well.
        then: Vec<Ahead>,
    },
    /// The `when` of this step, by its place in the plan, must be asked first.
    AtCondition {
        /// From 0.
        index: usize,
    },
    /// The build was cancelled: the worker must say first how many steps it has begun.
    Halting,
    /// The next step waits for the locks it takes.
    Waiting {
        /// When it gives up.
        until: Micros,
    },
    /// The steps are over.
    Ended,
}

/// What a `when` answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) index: usize,
    pub(super) answer: Result<bool, Fault>,
}

/// What advancing needs; owned by the driver, borrowed by its sections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advance<'a> {
    /// The build as the section found it.
    pub(super) build: &'a Build,
    /// Its stamps and its own farm.
    pub(super) materials: &'a Materials,
    /// The farm in force, for the capacity of locks.
    pub(super) present: &'a Present,
    /// How a cancelled build ends: with its `always` steps, or without.
    pub(super) cancel: Cancel,
    /// How many steps of a cancelled build its worker has begun, once it was heard.
    pub(super) begun: Option<usize>,
}

/// The stamps of a buildset and the farm a build began with.
pub(super) async fn materials(
    context: &Context,
    configuration: ConfigId,
    buildset: BuildsetId,
) -> Result<Materials, FarmError> {
    let farm: Arc<Present> = context.farms.of(configuration).await?;
    let buildset = context.store.glance(move |r| r.buildset(buildset)).await?;
    Ok(Materials { farm, stamps: buildset.map(|b| b.stamps).unwrap_or_default() })
}

/// The build as it is now; absent when there is nothing left to drive (I1).
pub(super) fn live(r: &Read<'_>, id: BuildId) -> Result<Option<Build>, Error> {
    let is_over = |state| matches!(state, BuildState::Lost | BuildState::Finished);
    Ok(r.build(id)?.filter(|build| !is_over(build.state)))
}

/// What the finished steps came to, in the order of the plan.
pub(super) fn results(steps: &[Step]) -> Vec<StepResult> {
    let finished = steps.iter().filter(|step| step.state == StepState::Finished);
    finished
        .map(|step| StepResult {
            outcome: step.outcome.unwrap_or(Outcome::Exception),
            reason: step.outcome_reason.clone(),
        })
        .collect()
}

impl Advance<'_> {
    /// Goes on until the worker, a condition or a lock must be waited for, or the steps are over.
    pub(super) fn run(
        &self,
        w: &mut Write<'_>,
        mut answer: Option<Answer>,
    ) -> Result<Stands, Error> {
        loop {
            let steps = w.steps(self.build.id)?;
            if let Some(running) = steps.iter().find(|step| step.state == StepState::Running) {
                return self.resume(w, running, &results(&steps));
            }
            let cancel = self.cancel();
            if let Some(waiting) = steps.iter().find(|step| step.state == StepState::Waiting) {
                match self.wait(w, waiting, cancel)? {
                    Some(stands) => return Ok(stands),
                    None => continue,
                }
            }
            let done = results(&steps);
            let next = match settle::next(&self.build.plan, &done, cancel, self.begun) {
                Next::Evaluate { index } => match answer.take().filter(|a| a.index == index) {
                    Some(answer) => settle::after_condition(index, answer.answer),
                    None => return Ok(Stands::AtCondition { index }),
                },
                other => other,
            };
            if let Some(stands) = self.take(w, next, &done)? {
                return Ok(stands);
            }
        }
    }

    /// Writes one decision down; absent when there is another to make at once.
    fn take(
        &self,
        w: &mut Write<'_>,
        next: Next,
        done: &[StepResult],
    ) -> Result<Option<Stands>, Error> {
        match next {
            Next::Evaluate { index } => Ok(Some(Stands::AtCondition { index })),
            Next::Halt => Ok(Some(Stands::Halting)),
            Next::Skip { index, reason } => {
                w.skip_step(self.build.id, number(index), &self.step(index).name, &reason)?;
                Ok(None)
            }
            Next::Fail { index, reason } => {
                let new = self.new_step(index, serde_json::Value::Null);
                let step = w.start_step(self.build.id, &NewStep { locks: Vec::new(), ..new })?;
                w.finish_step(step, Outcome::Exception, Some(&reason), None)?;
                Ok(None)
            }
            Next::Run { index } => self.start(w, index, done),
            Next::End { .. } => {
                w.end_steps(self.build.id)?;
                Ok(Some(Stands::Ended))
            }
        }
    }

    fn start(
        &self,
        w: &mut Write<'_>,
        index: usize,
        done: &[StepResult],
    ) -> Result<Option<Stands>, Error> {
        let primitive = match primitive(self.build, self.step(index), self.materials) {
            Ok(primitive) => primitive,
            Err(message) => {
                self.not_runnable(w, index, message)?;
                return Ok(None);
            }
        };
        let new = self.new_step(index, described(&primitive));
        if !new.locks.is_empty() {
            let longest = match self.build.state {
                BuildState::Cancelling => ALWAYS_LOCK_DEADLINE,
                _ => LOCK_DEADLINE,
            };
            let until = w.now().plus(longest);
            w.wait_step(self.build.id, &new, until)?;
            return Ok(Some(Stands::Waiting { until }));
        }
        let step = w.start_step(self.build.id, &new)?;
        self.open_logs(w, step, &primitive)?;
        Ok(Some(Stands::AtStep { number: new.number, primitive, then: self.then(done) }))
    }

    fn open_logs(
        &self,
        w: &mut Write<'_>,
        step: StepId,
        primitive: &Primitive,
    ) -> Result<(), Error> {
        let names: &[&str] = if has_logs(primitive) { &LOGS } else { &[] };
        w.open_logs_of(self.build.id, step, names)
    }

    /// A step that waits for its locks: until it has them, its time is up, or its build is
    /// cancelled. Absent when it waits no more.
    fn wait(
        &self,
        w: &mut Write<'_>,
        step: &Step,
        cancel: Cancel,
    ) -> Result<Option<Stands>, Error> {
        let planned = self.step(usize::try_from(step.number - 1).unwrap_or_default());
        let until = step.waits_until.unwrap_or(w.now());
        let stopped = cancel == Cancel::Twice || (cancel == Cancel::Once && !planned.always);
        let (outcome, reason) = if stopped {
            let text = "not run: the build was cancelled while it waited for its locks";
            (Outcome::Skipped, Reason::new("cancelled", text))
        } else if until <= w.now() {
            let names: Vec<&str> = planned.locks.iter().map(|held| held.lock.as_str()).collect();
            let text = format!("did not get its locks ({}) in time", names.join(", "));
            (Outcome::Exception, Reason::new("lock_timeout", text))
        } else {
            return Ok(Some(Stands::Waiting { until }));
        };
        w.finish_step(step.id, outcome, Some(&reason), None)?;
        Ok(None)
    }

    /// A step that was sent before: what it does is derived again.
    fn resume(
        &self,
        w: &mut Write<'_>,
        running: &Step,
        done: &[StepResult],
    ) -> Result<Stands, Error> {
        let index = usize::try_from(running.number - 1).unwrap_or_default();
        let primitive =
            primitive(self.build, self.step(index), self.materials).map_err(Error::Stale)?;
        // One that waited for locks has none yet.
        self.open_logs(w, running.id, &primitive)?;
        Ok(Stands::AtStep { number: running.number, primitive, then: self.then(done) })
    }

    /// The steps a worker may take after the present one without asking.
    fn then(&self, done: &[StepResult]) -> Vec<Ahead> {
        if self.build.state != BuildState::Running {
            return Vec::new();
        }
        let ahead = settle::ahead(&self.build.plan, done).into_iter().take(AHEAD_MAX);
        let primitives = ahead.map_while(|index| {
            let primitive = primitive(self.build, self.step(index), self.materials).ok()?;
            Some(Ahead { number: number(index), primitive })
        });
        let mut bytes = 0;
        primitives
            .take_while(|next| {
                bytes += encode(next).len();
                bytes <= AHEAD_BYTES_MAX
            })
            .collect()
    }

    fn not_runnable(&self, w: &mut Write<'_>, index: usize, message: String) -> Result<(), Error> {
        let (outcome, reason) = settle::step_verdict(&StepReport::NotRunnable { message });
        let new = NewStep { locks: Vec::new(), ..self.new_step(index, serde_json::Value::Null) };
        let step = w.start_step(self.build.id, &new)?;
        w.finish_step(step, outcome, reason.as_ref(), None)
    }

    fn new_step(&self, index: usize, command: serde_json::Value) -> NewStep {
        let step = self.step(index);
        let worker = &self.build.worker;
        NewStep {
            number: number(index),
            name: step.name.clone(),
            command,
            locks: step.locks.iter().map(|held| need(self.present, held, worker)).collect(),
        }
    }

    fn step(&self, index: usize) -> &PlanStep {
        &self.build.plan.steps[index]
    }

    fn cancel(&self) -> Cancel {
        match self.build.state {
            BuildState::Cancelling => self.cancel,
            _ => Cancel::No,
        }
    }
}

fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX - 1) + 1
}
